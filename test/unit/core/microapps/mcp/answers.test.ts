import { describe, expect, it } from "vitest";
import { boundedFetch } from "../../../../../core/microapps/mcp/bounded_fetch.ts";
import { readMcpResult } from "../../../../../core/microapps/mcp/mcp_result.ts";

const place = { server: "s", tool: "t" };
const text = (said: string) => ({ type: "text", text: said });

describe("readMcpResult()", () => {
  it.each([
    [{ content: [text("a"), text("b")] }, "a\nb"],
    [{ content: [] }, ""],
    [{}, ""],
    [{ content: "text" }, ""],
    [{ content: [{ type: "image", data: "AA", mimeType: "image/png" }] }, "[image image/png]"],
    [{ content: [{ type: "resource", resource: { uri: "a://b", text: "inside" } }] }, "inside"],
    [
      { content: [{ type: "resource", resource: { uri: "a://b", blob: "AA" } }] },
      "[resource a://b]",
    ],
    [{ content: [{ type: "resource_link", uri: "a://b" }] }, "[resource a://b]"],
    [{ content: [{ type: "hologram" }, 7, null] }, "[hologram]"],
    [{ content: [], structuredContent: { n: 1 } }, '{"n":1}'],
    [{ content: [text("one")], structuredContent: { n: 1 } }, "one"],
  ])("reads %j", (result, said) => {
    expect(readMcpResult(place, result)).toMatchObject({ ok: true, text: said });
  });

  it("reads a refusal as one, and cuts what no model could read", () => {
    expect(readMcpResult(place, { isError: true, content: [text("closed")] })).toEqual({
      ok: false,
      message: "closed",
      text: "error: tool `t` of MCP server `s` failed: closed",
    });
    const long = readMcpResult(place, { content: [text("x".repeat(2_000_000))] });
    expect(long.text).toMatch(/^x{1048576}\n\[951424 more characters were left out\]$/);
  });
});

describe("boundedFetch()", () => {
  const answer = (chunks: readonly string[], type: string) => () => {
    const encoder = new TextEncoder();
    const body = new ReadableStream({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(encoder.encode(chunk));
        controller.close();
      },
    });
    return Promise.resolve(new Response(body, { headers: { "content-type": type } }));
  };
  const read = async (chunks: readonly string[], type: string) => {
    const response = await boundedFetch(10, answer(chunks, type))("http://x");
    return response.text();
  };

  it("lets through what fits, and cuts off what does not", async () => {
    expect(await read(["12345", "67890"], "application/json")).toBe("1234567890");
    await expect(read(["12345", "67890", "1"], "application/json")).rejects.toThrow(
      "over 10 bytes",
    );
  });

  it("counts each event of a stream by itself, however it is cut up", async () => {
    const events = ["data: 1\n\nd", "ata: 2\n", "\ndata: 3\n\n"];
    expect(await read(events, "text/event-stream; charset=utf-8")).toBe(events.join(""));
    await expect(read(["data: 1\n\n", "data: 1", "2345"], "text/event-stream")).rejects.toThrow(
      "over 10 bytes",
    );
  });
});

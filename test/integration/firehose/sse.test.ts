import { describe, expect, it } from "vitest";
import { FirehoseFrame } from "../../../core/contract/mod.ts";
import { events, noted, numbersIn, openPlace, type Place } from "./support.ts";

interface Told {
  readonly id: string | undefined;
  readonly frame: FirehoseFrame;
}

/** Reads an event stream until `done`; undefined reads to its end. */
async function read(
  response: Response,
  done: (frames: readonly FirehoseFrame[]) => boolean,
): Promise<Told[]> {
  const told: Told[] = [];
  let text = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data === undefined) continue;
      told.push({
        id: /^id: (.*)$/m.exec(block)?.[1],
        frame: FirehoseFrame.parse(JSON.parse(data)),
      });
    }
    if (done(told.map(({ frame }) => frame))) break;
  }
  return told;
}

const open = (place: Place, token: string, query: string, headers: Record<string, string> = {}) =>
  fetch(place.url(`/firehose/sse${query}`), {
    headers: { authorization: `Bearer ${token}`, ...headers },
  });

describe("GET /firehose/sse", () => {
  it("tells the same frames, and resumes after Last-Event-ID rather than since", async () => {
    await using place = await openPlace();
    const token = await place.token({ accountId: "acme" });
    const response = await open(place, token, "");
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    await place.core().put("acme", noted("ana", 1), noted("ana", 2));
    const told = await read(response, events(2));
    expect(numbersIn(told.map(({ frame }) => frame))).toEqual([1, 2]);
    expect(told.map(({ id }) => id)).toEqual(
      told.map(({ frame }) => frame.type === "event" || frame.type === "ready" ? frame.cursor : ""),
    );
    await place.core().put("acme", noted("ana", 3));
    const resumed = await open(place, token, "?since=0", { "last-event-id": told[1]?.id ?? "" });
    const more = await read(resumed, events(2));
    expect(numbersIn(more.map(({ frame }) => frame))).toEqual([2, 3]);
  });

  it("ends with an error and a cursor when the edge closes", async () => {
    await using place = await openPlace();
    const response = await open(place, await place.token({ accountId: "acme" }), "");
    const reading = read(response, () => false);
    await place.restartEdge();
    const last = (await reading).at(-1);
    expect(last?.frame).toMatchObject({ type: "error", code: "edge_closing" });
    expect(last?.id).toMatch(/\.0$/);
  });

  it("gives its place back when the reader goes away", async () => {
    await using place = await openPlace();
    const response = await open(place, await place.token({ accountId: "acme" }), "");
    await read(response, (frames) => frames.length === 1);
    const metrics = async () => (await fetch(place.url("/metrics"))).text();
    await expect.poll(metrics).toContain("nexo_edge_firehose_clients 0");
  });
});

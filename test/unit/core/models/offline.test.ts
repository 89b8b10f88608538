/**
 * The offline model: tools by name, results told, everything else repeated.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import type { ModelMessage, ModelRequest, ModelTool } from "../../../../core/models/model.ts";
import { offlineModel } from "../../../../core/models/offline.ts";
import { untrusted } from "../../../../core/models/untrusted.ts";

const quote: ModelTool = {
  name: "ext_shopdesk_quote",
  ownName: "quote",
  description: "A price",
  inputSchema: { required: ["sku"], properties: { sku: { type: "string" } } },
};
const request = (messages: ModelMessage[], more: Partial<ModelRequest> = {}): ModelRequest => ({
  model: "rules",
  system: "You sell shoes",
  messages,
  tools: [quote],
  signal: new AbortController().signal,
  ...more,
});
const user = (content: string): ModelMessage => ({ role: "user", content });
const called = (...ids: string[]): ModelMessage => ({
  role: "assistant",
  content: "",
  toolCalls: ids.map((id) => ({ id, name: quote.name, arguments: {} })),
});
const result = (toolCallId: string, content: string, isError?: boolean): ModelMessage => ({
  role: "tool",
  toolCallId,
  name: quote.name,
  content,
  ...(isError === undefined ? {} : { isError }),
});

describe("offlineModel()", () => {
  it("calls the tool the last user message names", async () => {
    expect(await offlineModel(request([user("hello"), user("quote A-1")]))).toMatchObject({
      text: null,
      toolCalls: [{ id: "offline_1", name: "ext_shopdesk_quote", arguments: { sku: "A-1" } }],
      finishReason: "tool_calls",
    });
  });

  it("gives the same answer to the same request", async () => {
    const asked = request([user('quote {"sku":"A-1"}')]);
    expect(await offlineModel(asked)).toEqual(await offlineModel(asked));
  });

  it("never repeats the id of a call among the messages", async () => {
    const history = [user("quote A"), called("offline_7", "other"), result("offline_7", "1")];
    const answer = await offlineModel(request([...history, user("quote B")]));
    expect(answer.toolCalls.map(({ id }) => id)).toEqual(["offline_8"]);
  });

  it("tells every result of its last calls, failures as failures, and calls nothing again", async () => {
    const answer = await offlineModel(request([
      user("quote A-1"),
      called("a", "b"),
      result("a", '{"price":12}'),
      result("b", "unknown sku", true),
    ]));
    expect(answer).toMatchObject({ toolCalls: [], finishReason: "stop" });
    expect(answer.text).toBe('quote answered: {"price":12}\nquote failed: unknown sku');
  });

  it("tells a result by its own name when the tool is no longer on offer", async () => {
    const messages = [user("x"), called("a"), result("a", "gone")];
    expect((await offlineModel(request(messages, { tools: [] }))).text).toBe(
      "ext_shopdesk_quote answered: gone",
    );
  });

  it("looks for tools behind the markers of untrusted values", async () => {
    const text = `An order came: ${untrusted('quote {"sku":"<A & B>"}')}`;
    expect((await offlineModel(request([user(text)]))).toolCalls).toMatchObject([
      { arguments: { sku: "<A & B>" } },
    ]);
  });

  it("repeats what was said, cut to 200 characters, when no tool is named", async () => {
    expect((await offlineModel(request([user(" Hi there ")]))).text).toBe('You said: "Hi there"');
    const long = (await offlineModel(request([user("😀".repeat(300))]))).text ?? "";
    expect(long).toBe(`You said: "${"😀".repeat(200)}…"`);
    expect((await offlineModel(request([user(" ")]))).text).toBe("You sent no text.");
    expect((await offlineModel(request([]))).text).toBe("You sent no text.");
  });

  it("sums up by the beginning of each line, and calls nothing", async () => {
    const long = `Person: ${"word ".repeat(40)}`;
    const said = user(`${long}\n\nAgent: quote A-1\n`);
    expect(await offlineModel(request([said], { purpose: "summary" }))).toMatchObject({
      text: `${long.slice(0, 80)}…\nAgent: quote A-1`,
      toolCalls: [],
    });
  });

  it("does not call tools that are not offered", async () => {
    expect((await offlineModel(request([user("quote A-1")], { tools: [] }))).toolCalls).toEqual([]);
  });

  it("counts a token for every four characters it reads and writes", async () => {
    const { usage } = await offlineModel(
      request([user("12345678")], { system: "1234", tools: [] }),
    );
    expect(usage).toEqual({ inputTokens: 3, outputTokens: 5, cachedTokens: 0 });
  });

  it("stops at maxOutputTokens and says so", async () => {
    const answer = await offlineModel(request([user("Hi there")], { maxOutputTokens: 2 }));
    expect(answer).toMatchObject({ text: "You said", finishReason: "length" });
    expect(answer.usage.outputTokens).toBe(2);
  });

  it("rejects with the signal's reason when it has aborted", async () => {
    const reason = new Error("enough");
    const asked = request([user("x")], { signal: AbortSignal.abort(reason) });
    await expect(offlineModel(asked)).rejects.toBe(reason);
  });
});

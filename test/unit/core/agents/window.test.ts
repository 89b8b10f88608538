import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { estimateTokens, type PastMessage, windowOf } from "../../../../core/agents/window.ts";
import type { ModelMessage } from "../../../../core/models/model.ts";

const text = fc.string({ maxLength: 200 });

/** What one turn leaves: a question, rounds of tool calls with their results, an answer. */
const exchange = fc.tuple(
  fc.uuid(),
  text,
  fc.array(fc.array(text, { minLength: 1, maxLength: 3 })),
  text,
)
  .map(([seed, question, rounds, answer]): ModelMessage[] => [
    { role: "user", content: question },
    ...rounds.slice(0, 4).flatMap((results, round): ModelMessage[] => {
      const toolCalls = results.map((_, i) => ({
        id: `${seed}-${round}-${i}`,
        name: "ext_app_tool",
        arguments: {},
      }));
      return [
        { role: "assistant", content: "", toolCalls },
        ...results.map((content, i): ModelMessage => ({
          role: "tool",
          toolCallId: `${seed}-${round}-${i}`,
          name: "ext_app_tool",
          content,
        })),
      ];
    }),
    { role: "assistant", content: answer },
  ]);
const past = fc.tuple(fc.boolean(), fc.array(exchange, { maxLength: 12 })).map(
  ([begun, exchanges]): PastMessage[] => {
    const messages = exchanges.flat();
    // A page may begin anywhere.
    const from = begun ? 0 : Math.min(2, messages.length);
    return messages.slice(from).map((message, i) => ({ seq: i * 2, message }));
  },
);
const limits = fc.record({
  messages: fc.integer({ min: 1, max: 40 }),
  tokens: fc.integer({ min: 1, max: 2_000 }),
});

describe("windowOf()", () => {
  it("loses nothing, keeps the order and the limits, and begins with a person", () => {
    fc.assert(fc.property(past, limits, (messages, most) => {
      const { old, shown } = windowOf(messages, most);
      expect([...old, ...shown]).toEqual(messages);
      expect(shown.length).toBeLessThanOrEqual(most.messages);
      const tokens = shown.reduce((sum, { message }) => sum + estimateTokens(message), 0);
      expect(tokens).toBeLessThanOrEqual(most.tokens);
      if (shown.length > 0) expect(shown[0]?.message.role).toBe("user");
    }));
  });

  it("parts no tool call from its result", () => {
    fc.assert(fc.property(past, limits, (messages, most) => {
      const { shown } = windowOf(messages, most);
      const open = new Set<string>();
      for (const { message } of shown) {
        if (message.role === "tool") expect(open.delete(message.toolCallId)).toBe(true);
        else expect(open.size).toBe(0);
        if (message.role === "assistant") {
          for (const { id } of message.toolCalls ?? []) open.add(id);
        }
      }
      expect(open.size).toBe(0);
    }));
  });

  it("leaves everything as it is while it fits, and then makes room for as much again", () => {
    const messages = (count: number): PastMessage[] =>
      Array.from({ length: count }, (_, i) => ({
        seq: i,
        message: { role: i % 2 === 0 ? "user" : "assistant", content: "x" },
      }));
    const most = { messages: 10, tokens: 1_000 };
    expect(windowOf(messages(10), most).old).toEqual([]);
    expect(windowOf(messages(12), most)).toMatchObject({ shown: { length: 4 } });
  });
});

/**
 * What a stored message looks like.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { ModelAnswer, ModelMessage } from "../../../../core/models/model.ts";
import { offlineModel } from "../../../../core/models/offline.ts";

describe("ModelMessage and ModelAnswer", () => {
  it("survive being stored as JSON", async () => {
    const messages = [
      { role: "user", content: "quote A" },
      {
        role: "assistant",
        content: "",
        toolCalls: [{ id: "1", name: "q", arguments: { a: [1] } }],
      },
      { role: "tool", toolCallId: "1", name: "q", content: "12", isError: true },
      { role: "assistant", content: "12" },
    ];
    for (const message of messages) {
      expect(ModelMessage.parse(JSON.parse(JSON.stringify(message)))).toEqual(message);
    }
    const { signal } = new AbortController();
    const answer = await offlineModel({ model: "m", system: "", messages: [], tools: [], signal });
    expect(ModelAnswer.parse(JSON.parse(JSON.stringify(answer)))).toEqual(answer);
  });

  it("refuse members they do not know", () => {
    expect(ModelMessage.safeParse({ role: "system", content: "x" }).success).toBe(false);
    expect(ModelMessage.safeParse({ role: "user", content: "x", extra: 1 }).success).toBe(false);
  });
});

/**
 * Which provider a turn gets, and what a stored message looks like.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { type Model, ModelAnswer, ModelMessage } from "../../../../core/models/model.ts";
import { createModels } from "../../../../core/models/models.ts";
import { offlineModel } from "../../../../core/models/offline.ts";

describe("createModels()", () => {
  it("has the offline model without any configuration", () => {
    expect(createModels()({ provider: "offline", model: "rules" }, "acme")).toBe(offlineModel);
  });

  it("asks for the provider of the tenant each time", () => {
    const mine: Model = (request) => offlineModel(request);
    const providers = new Map([["acme/minimax", mine], ["acme/offline", mine]]);
    const modelOf = createModels({
      providerOf: (provider, account) => providers.get(`${account}/${provider}`),
    });
    expect(modelOf({ provider: "minimax", model: "m" }, "acme")).toBe(mine);
    expect(modelOf({ provider: "offline", model: "m" }, "acme")).toBe(mine);
    expect(modelOf({ provider: "offline", model: "m" }, "globex")).toBe(offlineModel);
    expect(() => modelOf({ provider: "minimax", model: "m" }, "globex")).toThrow(
      expect.objectContaining({ code: "model_unknown" }) as Error,
    );
    providers.delete("acme/minimax");
    expect(() => modelOf({ provider: "minimax", model: "m" }, "acme")).toThrow(/"minimax"/);
  });
});

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

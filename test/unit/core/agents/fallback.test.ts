import { describe, expect, it } from "vitest";
import { fallbackReply } from "../../../../core/agents/fallback.ts";
import { policyOf } from "../../../../core/agents/policy.ts";
import { CodedError } from "../../../../core/contract/mod.ts";
import { settingsOf } from "../../../support/settings.ts";
import { VISITOR } from "../../../support/turns.ts";

async function policy(agent: string, binding = "") {
  const settings = await settingsOf({
    "agents.yaml": `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    ${agent}
    inbound_bindings: [{ plugin: webchat, instance: acme${binding} }]
`,
  });
  const result = policyOf(settings, VISITOR);
  if (result.kind !== "active") throw new Error(result.reason);
  return result.policy;
}
const failed = new CodedError("model_failed", "500");
const loop = new CodedError("tool_loop", "ten rounds");
const spent = new CodedError("budget_exceeded", "spent");

describe("fallbackReply()", () => {
  it.each([
    ["", /^Sorry/],
    ["language: es-MX", /^Lo siento/],
    ["language: Deutsch", /^Entschuldigung/],
    ["language: Portuguese (Brazil)", /^Desculpe/],
    ["language: fr", /^Désolé/],
    ["language: ITALIANO", /^Mi dispiace/],
    ["language: Klingon", /^Sorry/],
    ["language: constructor", /^Sorry/],
  ])("speaks the agent's language where it can: %s", async (agent, words) => {
    expect(fallbackReply(await policy(agent), failed)).toMatch(words);
  });

  it("promises nothing soon where a budget is spent", async () => {
    const english = await policy("");
    expect(fallbackReply(english, failed)).toMatch(/in a moment/);
    expect(fallbackReply(english, loop)).toMatch(/in a moment/);
    expect(fallbackReply(english, spent)).toMatch(/later/);
  });

  it("says what the operator wrote, for all reasons or for each, and nothing where it is empty", async () => {
    const one = await policy("fallback_reply: We will call you back.");
    for (const error of [failed, loop, spent, new Error("a defect")]) {
      expect(fallbackReply(one, error)).toBe("We will call you back.");
    }
    const each = await policy('fallback_reply: { failed: "", tool_loop: "Ask for less." }');
    expect(fallbackReply(each, failed)).toBeNull();
    expect(fallbackReply(each, loop)).toBe("Ask for less.");
    expect(fallbackReply(each, spent)).toMatch(/^Sorry/);
  });

  it("takes the binding's words in place of the agent's", async () => {
    const both = await policy("fallback_reply: agent", ", fallback_reply: { failed: binding }");
    expect(fallbackReply(both, failed)).toBe("binding");
    expect(fallbackReply(both, loop)).toMatch(/^Sorry/);
  });
});

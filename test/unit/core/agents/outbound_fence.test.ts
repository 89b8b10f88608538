import { describe, expect, it } from "vitest";
import { outboundRefusal } from "../../../../core/agents/outbound_fence.ts";
import { settingsOf } from "../../../support/settings.ts";

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    outbound_allowlist:
      whatsapp: ["+34 600 11 22 33"]
      telegram: [42, "-1001"]
      email: [Vera@Example.com]
      slack: []
    inbound_bindings:
      - { plugin: whatsapp, instance: acme }
      - { plugin: whatsapp, instance: open, outbound_allowlist: {} }
      - { plugin: telegram, instance: acme, outbound_allowlist: { telegram: [7] } }
  - id: off
    active: false
    model: { provider: offline, model: rules }
`;

async function refusal(over: {
  account_id?: string;
  agent_id?: string;
  channel?: string;
  instance?: string;
  contact?: string;
  turn_id?: string | null;
  to?: string;
}) {
  const { to, ...rest } = over;
  const address = to === undefined ? null : { to, thread: null, extra: {} };
  return outboundRefusal(await settingsOf({ "agents.yaml": AGENTS }), {
    account_id: "acme",
    agent_id: "ana",
    channel: "webchat",
    instance: "acme",
    contact: "visitor",
    turn_id: "t",
    body: { kind: "text", text: "hi", to: address, reply_to_msg_id: null },
    ...rest,
  });
}

describe("outboundRefusal()", () => {
  it.each([
    ["a channel without a list", { channel: "webchat" }],
    ["a channel whose list is empty", { channel: "slack", contact: "C1" }],
    ["a number on the list, however it is written", {
      channel: "whatsapp",
      contact: "34600112233",
    }],
    ["a chat id of WhatsApp", { channel: "whatsapp", contact: "34600112233@s.whatsapp.net" }],
    ["a mailbox on the list", { channel: "email", contact: "vera@example.com" }],
    ["a binding whose own lists are empty", {
      channel: "whatsapp",
      instance: "open",
      contact: "1",
    }],
    ["the binding's own list", { channel: "telegram", contact: "7" }],
    ["another instance, by the agent's list", {
      channel: "telegram",
      instance: "two",
      contact: "-1001",
    }],
    ["an agent that is gone: its answer is what was promised", { agent_id: "nobody" }],
    ["an operator's words for an agent that is off", { agent_id: "off", turn_id: null }],
  ])("lets through %s", async (_what, over) => {
    expect(await refusal(over)).toBeUndefined();
  });

  it.each([
    ["a number that only ends like one on the list", { channel: "whatsapp", contact: "112233" }],
    ["a number on the agent's list that the binding's replaces", {
      channel: "telegram",
      contact: "42",
    }],
    ["an address beside the contact that is allowed", {
      channel: "email",
      contact: "vera@example.com",
      to: "mallory@example.com",
    }],
    ["an operator's words, too", { channel: "whatsapp", contact: "1", turn_id: null }],
  ])("stops for good %s", async (_what, over) => {
    expect(await refusal(over)).toMatchObject({ code: "outbound_failed", later: false });
  });

  it("T5: stops for good what is of no tenant, and for now what is of one that is suspended", async () => {
    expect(await refusal({ account_id: "nobody" })).toMatchObject({ later: false });
    expect(await refusal({ account_id: "closed" })).toMatchObject({
      code: "account_suspended",
      later: true,
    });
    expect(await refusal({ agent_id: "off" })).toMatchObject({ later: true });
  });
});

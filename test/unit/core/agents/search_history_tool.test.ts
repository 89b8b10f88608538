import { describe, expect, it } from "vitest";
import { createSearchHistoryTool } from "../../../../core/agents/search_history_tool.ts";
import { sessionIdOf } from "../../../../core/agents/session.ts";
import { runTurn } from "../../../../core/agents/turn.ts";
import type { ConversationKey, Inbound } from "../../../../core/contract/mod.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine, type Spine, uuid } from "../../../support/spine.ts";
import { depsOf, messageFrom, queued, VISITOR } from "../../../support/turns.ts";

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    allowed_tools: [search_history]
    inbound_bindings: [{ plugin: webchat, instance: acme }, { plugin: webchat, instance: globex }]
`;
const never = new AbortController().signal;
const OTHER: ConversationKey = { ...VISITOR, contact: "another" };
const GLOBEX: ConversationKey = { ...VISITOR, account_id: "globex", instance: "globex" };
const TIMER: ConversationKey = {
  ...VISITOR,
  channel: "timer",
  instance: "report",
  contact: "report",
};

async function open(): Promise<Spine> {
  const settings = await settingsOf({ "agents.yaml": AGENTS });
  const spine = await openSpine(() => settings);
  for (
    const [key, text] of [[VISITOR, "red kite"], [OTHER, "red boat"], [GLOBEX, "red car"]] as const
  ) {
    await runTurn(await queued(spine, messageFrom(key, text)), depsOf(spine, []), never);
  }
  return spine;
}

async function search(
  spine: Spine,
  inbound: Pick<Inbound, "key" | "delegation">,
  args: object,
): Promise<string> {
  const tool = createSearchHistoryTool(spine.search);
  const { text } = await tool.call({ query: "red", ...args }, {
    account: inbound.key.account_id,
    meta: { agent_id: "ana", session_id: null },
    signal: never,
    turnId: uuid(),
    callId: uuid(),
    inbound: { ...messageFrom(inbound.key, ""), ...inbound },
  });
  return text;
}

describe("search_history", () => {
  it("finds what was said in this conversation, and in no other", async () => {
    await using spine = await open();
    const found = await search(spine, { key: VISITOR }, {});
    expect(JSON.parse(found)).toMatchObject({
      hits: [{ role: "assistant" }, { role: "user", text: "[red] kite" }],
    });
    expect(found).not.toMatch(/boat|car/);
    expect(await search(spine, { key: GLOBEX }, {})).toMatch(/car/);
  });

  it("finds what the agent and its tenant's people said, for a turn without a person", async () => {
    await using spine = await open();
    const found = await search(spine, { key: TIMER }, { scope: "agent", limit: 50 });
    expect(found).toMatch(/kite/);
    expect(found).toMatch(/boat/);
    expect(found).not.toMatch(/car/);
    expect(await search(spine, { key: TIMER }, {})).toBe('{"hits":[]}');
  });

  it("lets no person hear what others said, not even through another agent", async () => {
    await using spine = await open();
    const refused = /must not hear what others said/;
    expect(await search(spine, { key: VISITOR }, { scope: "agent" })).toMatch(refused);
    const key = { ...TIMER, channel: "delegation", instance: "bob" };
    const delegation = { callers: [VISITOR], origin_session_id: sessionIdOf(VISITOR) };
    expect(await search(spine, { key, delegation }, { scope: "agent" })).toMatch(refused);
    const byTimer = { callers: [TIMER], origin_session_id: sessionIdOf(TIMER) };
    expect(await search(spine, { key, delegation: byTimer }, { scope: "agent" })).toMatch(/kite/);
  });
});

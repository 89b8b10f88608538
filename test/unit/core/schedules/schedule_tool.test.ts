import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sessionIdOf } from "../../../../core/agents/session.ts";
import type { Tool, ToolReply } from "../../../../core/agents/tool_gate.ts";
import { runTurn } from "../../../../core/agents/turn.ts";
import type { ConversationKey } from "../../../../core/contract/mod.ts";
import { MAX_REMINDERS, scheduleTool } from "../../../../core/schedules/schedule_tool.ts";
import { statement } from "../../../../core/store/store.ts";
import { clockAt, openSchedulesPlace, type SchedulesPlace } from "../../../support/schedules.ts";
import { depsOf, messageFrom, queued, VISITOR } from "../../../support/turns.ts";
import { uuid } from "../../../support/spine.ts";

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    allowed_tools: [schedule]
    inbound_bindings: [{ plugin: webchat, instance: acme }, { plugin: webchat, instance: globex }]
`;
const never = new AbortController().signal;
const GLOBEX: ConversationKey = { ...VISITOR, account_id: "globex", instance: "globex" };

const START = "2025-01-01T12:00:00Z";

/** One place for all tests: each begins at the same time with an empty queue and no reminder. */
let place: SchedulesPlace & { readonly tool: Tool };
beforeAll(async () => {
  const opened = await openSchedulesPlace({
    files: { "agents.yaml": AGENTS },
    clock: clockAt(START),
  });
  const { reads, vault: sealer, spine: { redact, now } } = opened;
  const tool = scheduleTool({ reads, sealer, sessionIdOf, redact, now, onNew: () => {} });
  place = { ...opened, tool };
});
afterAll(() => place?.[Symbol.asyncDispose]());
beforeEach(async () => {
  place.clock.set(START);
  await place.store.commit([
    statement("DELETE FROM schedules", []),
    statement("DELETE FROM schedule_slots", []),
    statement("DELETE FROM inbounds", []),
  ]);
});

/** One call as the gate makes it, with its rows committed. */
async function call(args: object, key = VISITOR): Promise<Record<string, unknown>> {
  const reply = await ask(args, key);
  await place.store.commit(reply.writes ?? []);
  return reply.ok && reply.text.startsWith("{")
    ? JSON.parse(reply.text) as Record<string, unknown>
    : { text: reply.text };
}

function ask(args: object, key: ConversationKey): Promise<ToolReply> {
  return place.tool.call(args, {
    account: key.account_id,
    meta: { agent_id: key.agent_id, session_id: null },
    signal: never,
    turnId: uuid(),
    callId: uuid(),
    inbound: messageFrom(key, ""),
  });
}

describe("the tool schedule", () => {
  it("reminds the conversation it was called in, once, and tells the person by an own turn", async () => {
    const turn = depsOf(place.spine, [place.tool]);
    const ask = messageFrom(
      VISITOR,
      'schedule {"action":"create","text":"Call Eve.","in_secs":90}',
    );
    expect(await runTurn(await queued(place.spine, ask), turn, never)).toMatchObject({
      outcome: "ok",
    });
    place.clock.pass(89_000);
    await place.schedules.tick();
    expect(await place.reads.list("acme")).toHaveLength(1);
    place.clock.pass(1_000);
    await place.schedules.tick();
    await place.schedules.tick();

    const [waiting, ...more] = await place.spine.inbounds.openForOperator();
    expect(more).toEqual([]);
    expect(waiting).toMatchObject({ trigger: "timer", session_id: sessionIdOf(VISITOR) });
    const job = {
      turnId: uuid(),
      account: "acme",
      inboundIds: [waiting?.id ?? ""],
      attempts: 0,
      starts: 0,
    };
    const end = await runTurn(job, turn, never);
    expect(end.kind === "finished" && end.reply).toMatch(/Call Eve\./);
    const replies = await place.spine.outbox.openForOperator();
    expect(replies.at(-1)?.session_id).toBe(sessionIdOf(VISITOR));
    expect(await place.reads.list("acme")).toEqual([]);
  });

  it("keeps what it is told sealed, and its name redacted", async () => {
    await call({ action: "create", text: "Mail eve@example.com", in_secs: 60 });
    const rows = await place.store.read<{ name: string; sealed: Uint8Array }>(
      "SELECT name, sealed FROM schedules",
    );
    expect(rows[0]?.name).not.toContain("eve@example.com");
    expect(Buffer.from(rows[0]?.sealed ?? []).toString("latin1")).not.toContain("example");
    const { reminders } = await call({ action: "list" });
    expect(reminders).toMatchObject([{ text: "Mail eve@example.com", repeats: false }]);
  });

  it("lists and cancels what belongs to its own conversation alone", async () => {
    const { id } = await call({ action: "create", text: "Ours", every_secs: 3_600 });
    const others = [{ ...VISITOR, contact: "another" }, GLOBEX];
    for (const key of others) {
      expect(await call({ action: "list" }, key)).toEqual({ reminders: [] });
      expect(await call({ action: "cancel", id }, key)).toMatchObject({
        text: expect.stringMatching(/no reminder/),
      });
    }
    expect(await call({ action: "cancel", id })).toEqual({ text: "cancelled" });
    expect(await place.reads.list("acme")).toEqual([]);
  });

  it.each([
    [{ in_secs: 60, at: "2030-01-01T00:00:00Z" }, /give one of/],
    [{}, /give one of/],
    [{ at: "tomorrow" }, /RFC 3339/],
    [{ at: "2024-01-01T00:00:00Z" }, /has passed/],
    [{ at: "2030-01-01T00:00:00Z" }, /more than a year/],
    [{ in_secs: 1e15 }, /more than a year/],
    [{ every_secs: 59 }, /once a minute/],
    [{ cron: "*/10 * * * * *" }, /once a minute/],
    [{ cron: "1 2 3" }, /5 fields/],
    [{ cron: "0 8 * * *", tz: "Mars/Base" }, /IANA/],
  ])("refuses %o and says why", async (time, why) => {
    const { text } = await call({ action: "create", text: "x", ...time });
    expect(text).toMatch(why);
  });

  it("keeps the number of one conversation's reminders small", async () => {
    const replies = await Promise.all(
      Array.from(
        { length: MAX_REMINDERS },
        (_, i) => ask({ action: "create", text: `${i}`, every_secs: 60 }, VISITOR),
      ),
    );
    await place.store.commit(replies.flatMap(({ writes }) => writes ?? []));
    expect(await call({ action: "create", text: "x", every_secs: 60 })).toMatchObject({
      text: expect.stringMatching(/reminders already/),
    });
    expect(await call({ action: "create", text: "x", every_secs: 60 }, GLOBEX))
      .toMatchObject({ id: expect.any(String) });
  });
});

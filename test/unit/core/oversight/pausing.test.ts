/**
 * A pause: what it silences, whose it is, and what it keeps.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import type { ConversationKey } from "../../../../core/contract/mod.ts";
import type { Scope } from "../../../../core/oversight/scopes.ts";
import { IVAN, openTakeoverPlace, operatorReply, ROSA, SCOPE } from "../../../support/takeover.ts";
import { tool, VISITOR } from "../../../support/turns.ts";

const OTHER: ConversationKey = { ...VISITOR, contact: "other" };
const give = { force: false };

describe("a pause", () => {
  it("makes the agent silent, and what people write waits in order with its own time", async () => {
    await using opened = await openTakeoverPlace();
    const core = await opened.start();
    await core.say(VISITOR, "before");
    await core.idle();
    const { changed } = await core.oversight.pause(SCOPE, ROSA, { reason: "angry" });
    await core.say(VISITOR, "one", { atMs: 1_000 });
    await core.say(VISITOR, "two", { atMs: 2_000 });
    await core.say(OTHER, "to somebody else");
    await core.idle();

    expect(changed).toBe(true);
    expect(core.sent.map(({ text }) => text)).toEqual([
      'You said: "before"',
      'You said: "to somebody else"',
    ]);
    expect((await core.transcript(VISITOR)).slice(2)).toMatchObject([
      { role: "user", body: "one", atMs: 1_000, sender: "visitor" },
      { role: "user", body: "two", atMs: 2_000, sender: "visitor" },
    ]);
    expect(await core.events("acme", "processing_state_changed")).toMatchObject([{
      tenant_id: "acme",
      agent_id: "ana",
      scope: {
        kind: "conversation",
        account_id: "acme",
        tenant_id: "acme",
        instance: "acme",
        contact_id: "visitor",
      },
      prev_state: { state: "agent_active" },
      new_state: { state: "paused_by_operator", operator_token_hash: ROSA.hash, reason: "angry" },
    }]);
  });

  it("P8: is kept by who had it first, whose time does not change, until the lease is over", async () => {
    let nowMs = 1_000_000;
    await using opened = await openTakeoverPlace("takeover: { lease: 10m }", { now: () => nowMs });
    const core = await opened.start();
    await core.oversight.pause(SCOPE, ROSA, {});
    nowMs += 60_000;
    const again = await core.oversight.pause(SCOPE, ROSA, { reason: "again" });
    const other = await core.oversight.pause(SCOPE, IVAN, {});
    expect([again.changed, other.changed]).toEqual([false, false]);
    expect(other.pause).toMatchObject({ pausedAtMs: 1_000_000, operator: ROSA, reason: null });
    const reply = operatorReply("hello");
    await expect(core.oversight.intervene(SCOPE, IVAN, reply, {})).rejects.toThrow(
      /^held_by_other: Rosa until /,
    );
    await expect(core.oversight.resume(SCOPE, IVAN, give)).rejects.toThrow(/held_by_other/);

    nowMs += 600_001;
    const taken = await core.oversight.pause(SCOPE, IVAN, {});
    expect(taken).toMatchObject({
      changed: true,
      pause: { pausedAtMs: 1_000_000, operator: IVAN },
    });
    await expect(core.oversight.intervene(SCOPE, ROSA, reply, {})).rejects.toThrow(/Ivan/);
    expect(await core.events("acme", "processing_state_changed")).toHaveLength(2);
  });

  it("P8: is one operator's when two ask at once", async () => {
    await using opened = await openTakeoverPlace();
    const core = await opened.start();
    const results = await Promise.all(
      Array.from(
        { length: 20 },
        (_, i) => core.oversight.pause(SCOPE, { hash: `operator-${i}`, name: null }, {}),
      ),
    );
    expect(results.filter(({ changed }) => changed)).toHaveLength(1);
    expect(new Set(results.map(({ pause }) => pause.operator.hash)).size).toBe(1);
  });

  it("P5: survives the process: nothing runs before it is known", async () => {
    await using opened = await openTakeoverPlace();
    {
      await using core = await opened.start();
      await core.oversight.pause(SCOPE, ROSA, {});
      await core.say(VISITOR, "held");
      await core.idle();
      await core.say(VISITOR, "queued when the process ended");
    }
    await using core = await opened.start();
    await core.say(VISITOR, "after");
    await core.idle();
    expect(core.oversight.pauses.get(SCOPE)).toMatchObject({ operator: ROSA });
    expect(core.sent).toEqual([]);
    expect((await core.transcript(VISITOR)).map(({ body }) => body)).toEqual([
      "held",
      "queued when the process ended",
      "after",
    ]);
    const { drained } = await core.oversight.resume(SCOPE, ROSA, give);
    expect(drained).toBe(3);
  });

  it("P2: stops a turn under way: no tool is called any more, and its answer is never sent", async () => {
    await using opened = await openTakeoverPlace();
    const called: string[] = [];
    const core = await opened.start({
      turn: {
        tools: () => [
          tool("first", async () => {
            called.push("first");
            if (called.length === 1) await core.oversight.pause(SCOPE, ROSA, {});
            return { ok: true, text: "done" };
          }),
          tool("second", () => {
            called.push("second");
            return Promise.resolve({ ok: true, text: "done" });
          }),
        ],
      },
    });
    await core.say(VISITOR, "first second");
    await core.idle();
    expect(called).toEqual(["first"]);
    expect(core.sent).toEqual([]);
    expect(await core.events("acme", "turn_finished")).toMatchObject([
      { outcome: "refused", error: expect.stringMatching(/^conversation_paused/), tool_calls: 1 },
    ]);
    // What the tool did is on record; nothing was said.
    expect((await core.transcript(VISITOR)).map(({ role, body }) => [role, body])).toEqual([
      ["user", "first second"],
      ["assistant", ""],
      ["tool", "done"],
    ]);
    const { drained } = await core.oversight.resume(SCOPE, ROSA, { ...give, runTurn: true });
    await core.idle();
    expect(drained).toBe(1);
    expect(called).toEqual(["first", "first", "second"]);
    const users = (await core.transcript(VISITOR)).filter(({ role }) => role === "user");
    expect(users).toHaveLength(1);
  });

  it("P7: of an agent or a binding covers what lies in it, in its own tenant", async () => {
    await using opened = await openTakeoverPlace();
    const core = await opened.start();
    const agent: Scope = { kind: "agent", account: "acme", agentId: "ana" };
    const globex: ConversationKey = { ...VISITOR, account_id: "globex", instance: "globex" };
    await core.oversight.pause(agent, ROSA, {});
    await core.say(VISITOR, "one");
    await core.say(OTHER, "two");
    await core.say(globex, "three");
    await core.idle();
    expect(core.sent.map(({ text }) => text)).toEqual(['You said: "three"']);
    const { drained } = await core.oversight.resume(agent, ROSA, { ...give, runTurn: true });
    await core.idle();
    expect(drained).toBe(2);
    expect(core.sent.map(({ text }) => text).sort()).toEqual([
      'You said: "one"',
      'You said: "three"',
      'You said: "two"',
    ]);
  });

  it("keeps at most so many of a conversation, and says how many it dropped", async () => {
    await using opened = await openTakeoverPlace("", { cap: 2 });
    const core = await opened.start();
    await core.oversight.pause(SCOPE, ROSA, {});
    for (const text of ["1", "2", "3", "4"]) {
      await core.say(VISITOR, text);
      await core.idle();
    }
    const dropped = await core.events("acme", "pending_inbounds_dropped");
    expect(dropped).toMatchObject([
      { dropped: 1, agent_id: "ana", scope: { kind: "conversation", contact_id: "visitor" } },
      { dropped: 1 },
    ]);
    // What somebody said is on record all the same.
    expect((await core.transcript(VISITOR)).map(({ body }) => body)).toEqual(["1", "2", "3", "4"]);
    expect((await core.oversight.resume(SCOPE, ROSA, give)).drained).toBe(2);
    expect(await core.inbounds.openForOperator()).toEqual([]);
  });

  it("keeps nothing with a cap of 0, and drops each", async () => {
    await using opened = await openTakeoverPlace("", { cap: 0 });
    const core = await opened.start();
    await core.oversight.pause(SCOPE, ROSA, {});
    await core.say(VISITOR, "1");
    await core.idle();
    expect(await core.events("acme", "pending_inbounds_dropped")).toMatchObject([{ dropped: 1 }]);
    expect((await core.oversight.resume(SCOPE, ROSA, give)).drained).toBe(0);
  });
});

import { describe, expect, it } from "vitest";
import { sessionIdOf } from "../../../../core/agents/session.ts";
import type { ConversationKey } from "../../../../core/contract/mod.ts";
import { conversationScope, type Scope } from "../../../../core/oversight/scopes.ts";
import type { Operator } from "../../../../core/oversight/pauses.ts";
import type { Settings } from "../../../../core/settings/settings.ts";
import { settingsOf } from "../../../support/settings.ts";
import {
  openTakeoverPlace,
  type TakeoverOptions,
  type TakeoverProcess,
} from "../../../support/takeover.ts";
import { messageFrom, tool, VISITOR } from "../../../support/turns.ts";

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    allowed_tools: ["ext_*", escalate_to_human]
    inbound_bindings: [{ plugin: webchat, instance: acme }, { plugin: webchat, instance: globex }]
    event_subscribers: [{ id: jobs, subject_pattern: webhook.jobs.* }]
`;
const ROSA: Operator = { hash: "135c402134ad5140", name: "Rosa" };
const IVAN: Operator = { hash: "ffffffffffffffff", name: "Ivan" };
const OTHER: ConversationKey = { ...VISITOR, contact: "other" };
const SCOPE = conversationScope(VISITOR);
const give = { force: false };

async function open(oversight = "", over: Partial<TakeoverOptions> = {}) {
  let settings: Settings = await settingsOf({
    "agents.yaml": AGENTS,
    ...(oversight === "" ? {} : { "oversight.yaml": oversight }),
  });
  const place = await openTakeoverPlace();
  const start = (more: Partial<TakeoverOptions> = {}) =>
    place.start({ settings: () => settings, ...over, ...more });
  return {
    place,
    start,
    change: (next: Settings) => void (settings = next),
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

/** Begins a pause that a send under way holds up; gives what resolves when it is said to hold. */
async function pauseDuringSend(
  { oversight }: TakeoverProcess,
): Promise<{ readonly holds: Promise<void> }> {
  let paused = false;
  const holds = oversight.pause(SCOPE, ROSA, {}).then(() => void (paused = true));
  while (oversight.pauses.get(SCOPE) === undefined) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(paused).toBe(false);
  return { holds };
}

describe("a pause", () => {
  it("makes the agent silent, and what people write waits in order with its own time", async () => {
    await using opened = await open();
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
    await using opened = await open("takeover: { lease: 10m }", { now: () => nowMs });
    const core = await opened.start();
    await core.oversight.pause(SCOPE, ROSA, {});
    nowMs += 60_000;
    const again = await core.oversight.pause(SCOPE, ROSA, { reason: "again" });
    const other = await core.oversight.pause(SCOPE, IVAN, {});
    expect([again.changed, other.changed]).toEqual([false, false]);
    expect(other.pause).toMatchObject({ pausedAtMs: 1_000_000, operator: ROSA, reason: null });
    const reply = {
      kind: "reply",
      channel: "webchat",
      account_id: "acme",
      to: "visitor",
      body: "hello",
      msg_kind: "text",
    } as const;
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
    await using opened = await open();
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
    await using opened = await open();
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
    await using opened = await open();
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

  it("P2: withholds a reply that waits for its channel, for good, and the model is told", async () => {
    let failing = true;
    await using opened = await open("", {
      send: (outbound) =>
        Promise.resolve(
          failing && outbound.author === "agent"
            ? { kind: "retry", reason: "down", afterMs: 3_600_000 }
            : { kind: "sent", receipt: null },
        ),
    });
    const core = await opened.start();
    await core.say(VISITOR, "hello");
    while ((await core.store.read("SELECT 1 AS x FROM outbox WHERE attempts = 1")).length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await core.oversight.pause(SCOPE, ROSA, {});
    failing = false;
    await core.oversight.intervene(SCOPE, ROSA, {
      kind: "reply",
      channel: "webchat",
      account_id: "acme",
      to: "visitor",
      body: "This is Rosa.",
      msg_kind: "text",
    }, {});
    // It does not wait behind what was to be tried again in an hour.
    await core.idle();
    await core.oversight.resume(SCOPE, ROSA, give);
    await core.say(VISITOR, "and now?");
    await core.idle();
    expect(core.sent).toMatchObject([
      { author: "operator", text: "This is Rosa." },
      { author: "agent", text: 'You said: "and now?"' },
    ]);
    expect(core.asked.at(-1)?.map(({ content }) => content)).toEqual([
      "hello",
      'You said: "hello"',
      expect.stringMatching(/^\[not_delivered\]/),
      "This is Rosa.",
      "and now?",
    ]);
    expect(await core.deadLetters.listForOperator({ limit: 5 })).toMatchObject([
      { kind: "outbox", code: "conversation_paused", account_id: "acme" },
    ]);
  });

  it("lets a send end that its channel was asked for before, and says so only then", async () => {
    let answer = (): void => {};
    const asked = new Promise<void>((resolveAsked) => {
      answer = resolveAsked;
    });
    let release = (): void => {};
    const core_ = await open("", {
      send: () => {
        answer();
        return new Promise((resolve) => {
          release = () => resolve({ kind: "sent", receipt: null });
        });
      },
    });
    await using opened = core_;
    const core = await opened.start();
    await core.say(VISITOR, "hello");
    await asked;
    const { holds } = await pauseDuringSend(core);
    release();
    await holds;
    await core.idle();
    expect(core.sent).toMatchObject([{ author: "agent" }]);
    expect(await core.deadLetters.listForOperator({ limit: 5 })).toEqual([]);
  });

  it("lets a commit end that sends a reply, and says so only then; nothing goes out after it", async () => {
    let begun = (): void => {};
    const begins = new Promise<void>((resolve) => (begun = resolve));
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    await using opened = await open();
    const core: TakeoverProcess = await opened.start({
      turn: {
        depart(outbound, nowMs) {
          const { writes, goWith } = core.delivery.depart(outbound, nowMs);
          return {
            writes,
            goWith: (commit) =>
              goWith(async () => {
                begun();
                await held;
                await commit();
              }),
          };
        },
      },
    });
    await core.say(VISITOR, "hello");
    await begins;
    const { holds } = await pauseDuringSend(core);
    expect(core.sent).toEqual([]);
    release();
    await holds;
    expect(core.sent).toMatchObject([{ author: "agent" }]);
    await core.say(VISITOR, "and now?");
    await core.idle();
    expect(core.sent).toHaveLength(1);
    expect(await core.store.read("SELECT state FROM outbox")).toEqual([{ state: "sent" }]);
    expect(await core.events("acme", "outbound_sent", "turn_finished")).toMatchObject([
      { kind: "turn_finished", outcome: "ok" },
      { kind: "outbound_sent", attempts: 1 },
    ]);
    expect(await core.deadLetters.listForOperator({ limit: 5 })).toEqual([]);
  });

  it.each([1, 2, 3])(
    "sends a reply once and ends its turn with it, also when the process is gone after commit %d",
    async (commits) => {
      await using opened = await open();
      {
        const core = await opened.start({ commits });
        await Promise.race([core.say(VISITOR, "hello").then(() => core.idle()), core.died]);
        const [turn] = await core.store.read("SELECT outcome FROM turns");
        const sent = await core.store.read("SELECT state FROM outbox");
        expect(sent).toEqual(turn === undefined ? [] : [{ state: "sent" }]);
        await core[Symbol.asyncDispose]();
      }
      await using core = await opened.start();
      await core.idle();
      expect(await core.store.read("SELECT state FROM outbox")).toEqual([{ state: "sent" }]);
      const ends = await core.events("acme", "outbound_sent", "turn_finished");
      expect(ends.map(({ kind }) => kind)).toEqual(["turn_finished", "outbound_sent"]);
    },
  );

  it("P7: of an agent or a binding covers what lies in it, in its own tenant", async () => {
    await using opened = await open();
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

  it("ends where another still stands: what waits there goes on waiting", async () => {
    await using opened = await open();
    const core = await opened.start();
    const binding: Scope = { ...SCOPE, kind: "agent_binding" };
    await core.oversight.pause(binding, ROSA, {});
    await core.oversight.pause(SCOPE, IVAN, {});
    await core.say(VISITOR, "held twice");
    await core.say(OTHER, "held once");
    await core.idle();
    expect((await core.oversight.resume(binding, ROSA, give)).drained).toBe(1);
    await core.say(VISITOR, "still held");
    await core.idle();
    expect(core.sent).toEqual([]);
    expect((await core.oversight.resume(SCOPE, IVAN, give)).drained).toBe(2);
  });

  it("keeps at most so many of a conversation, and says how many it dropped", async () => {
    await using opened = await open("", { cap: 2 });
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

  it("P7: gives back a message whole: its files, its time, what it answers and where to answer it", async () => {
    await using opened = await open();
    const seen: unknown[] = [];
    const look = tool("look", (_args, { inbound }) => {
      seen.push(inbound);
      return Promise.resolve({ ok: true, text: "seen" });
    });
    const core = await opened.start({ turn: { tools: () => [look] } });
    await core.oversight.pause(SCOPE, ROSA, {});
    const whole = {
      parts: [
        { kind: "text" as const, text: "look at this" },
        {
          kind: "media" as const,
          media: "image" as const,
          ref: "https://files.example/cat.png",
          mime: "image/png",
          name: "cat.png",
          size: 7,
        },
      ],
      replyAddress: { to: "visitor", thread: "7", extra: { subject: "cats" } },
      replyToMsgId: "m-0",
    };
    await core.intake.receive({
      key: VISITOR,
      chat: "direct",
      sender: { id: VISITOR.contact, name: "Vera" },
      msgId: "m-1",
      editOf: null,
      fromMe: false,
      sentAtMs: 4_000,
      ...whole,
    });
    await core.idle();
    expect(seen).toEqual([]);
    await core.oversight.resume(SCOPE, ROSA, { ...give, runTurn: true });
    await core.idle();
    expect(seen).toMatchObject([{
      parts: whole.parts,
      reply_address: whole.replyAddress,
      reply_to_msg_id: "m-0",
      sender_name: "Vera",
      msg_id: "m-1",
      sent_at_ms: 4_000,
    }]);
  });

  it("keeps nothing with a cap of 0, and drops each", async () => {
    await using opened = await open("", { cap: 0 });
    const core = await opened.start();
    await core.oversight.pause(SCOPE, ROSA, {});
    await core.say(VISITOR, "1");
    await core.idle();
    expect(await core.events("acme", "pending_inbounds_dropped")).toMatchObject([{ dropped: 1 }]);
    expect((await core.oversight.resume(SCOPE, ROSA, give)).drained).toBe(0);
  });
});

describe("an end of a pause", () => {
  it("P3: gives the model what it missed, and answers nothing unless told so", async () => {
    await using opened = await open();
    const core = await opened.start();
    await core.oversight.pause(SCOPE, ROSA, {});
    await core.say(VISITOR, "my order is late", { atMs: 5_000 });
    await core.idle();
    const done = await core.oversight.resume(SCOPE, ROSA, {
      ...give,
      summary: { key: VISITOR, text: "  refund agreed  " },
    });
    await core.idle();
    expect(done).toEqual({ changed: true, drained: 1 });
    expect(core.sent).toEqual([]);
    expect(await core.transcript(VISITOR)).toMatchObject([
      { role: "user", body: "my order is late", atMs: 5_000, source: "webchat" },
      {
        role: "system",
        body: "[operator_summary] refund agreed",
        source: "intervention:summary",
        sender: `operator:${ROSA.hash}`,
      },
    ]);
    await core.say(VISITOR, "thanks");
    await core.idle();
    expect(core.asked.at(-1)).toEqual([
      { role: "user", content: "my order is late" },
      { role: "user", content: "[operator_summary] refund agreed" },
      { role: "user", content: "thanks" },
    ]);
    expect((await core.oversight.resume(SCOPE, ROSA, give)).changed).toBe(false);
  });

  it("P6: answers all that waited in one turn when told so, and nothing later overtakes it", async () => {
    await using opened = await open();
    const core = await opened.start();
    await core.oversight.pause(SCOPE, ROSA, {});
    for (const text of ["one", "two", "three"]) await core.say(VISITOR, text);
    await core.idle();
    const saying = core.say(VISITOR, "four");
    await core.oversight.resume(SCOPE, ROSA, { ...give, runTurn: true });
    await saying;
    await core.idle();
    const bodies = (await core.transcript(VISITOR)).filter(({ role }) => role === "user");
    expect(bodies.map(({ body }) => body)).toEqual(["one", "two", "three", "four"]);
    const last = core.asked.at(-1)?.map(({ content }) => content) ?? [];
    expect(last.slice(0, 2)).toEqual(["one", "two"]);
    expect(last.join("|")).toContain("four");
    expect(core.asked.length).toBeLessThanOrEqual(2);
  });

  it("P6: loses and doubles none of the messages that come just while it happens", async () => {
    await using opened = await open();
    const core = await opened.start();
    const said: string[] = [];
    const say = (text: string) => {
      said.push(text);
      return core.say(VISITOR, text);
    };
    let drained = 0;
    for (let round = 0; round < 5; round++) {
      await core.oversight.pause(SCOPE, ROSA, {});
      const saying = [1, 2, 3].map((n) => say(`held ${round}.${n}`));
      if (round % 2 === 0) await Promise.all(saying);
      const [end] = await Promise.all([
        core.oversight.resume(SCOPE, ROSA, { ...give, runTurn: true }),
        ...[4, 5, 6].map((n) => say(`meanwhile ${round}.${n}`)),
        ...saying,
      ]);
      drained += end.drained;
      await core.idle();
    }
    const users = (await core.transcript(VISITOR)).filter(({ role }) => role === "user");
    expect(users.map(({ body }) => body).sort()).toEqual(said.sort());
    // The model has read each of them, and none twice.
    const asked = (core.asked.at(-1) ?? []).filter(({ role }) => role === "user")
      .map(({ content }) => content).join("\n");
    for (const text of said) expect(asked.split(text)).toHaveLength(2);
    expect(drained).toBeLessThanOrEqual(said.length);
    expect(await core.inbounds.openForOperator()).toEqual([]);
    expect(await core.store.read("SELECT id FROM pending_inbounds")).toEqual([]);
  });

  it("lets the agent begin with the summary where nobody wrote anything", async () => {
    await using opened = await open();
    const core = await opened.start();
    await core.oversight.pause(SCOPE, ROSA, {});
    await core.oversight.resume(SCOPE, ROSA, {
      ...give,
      runTurn: true,
      summary: { key: VISITOR, text: "tell them it is approved" },
    });
    await core.idle();
    expect(core.asked).toEqual([[
      { role: "user", content: "[operator_summary] tell them it is approved" },
    ]]);
    expect((await core.transcript(VISITOR)).map(({ role }) => role)).toEqual([
      "system",
      "assistant",
    ]);
    expect(core.sent).toHaveLength(1);
  });

  it("runs what events asked for meanwhile, each as a turn of its own", async () => {
    await using opened = await open();
    const core = await opened.start();
    const key: ConversationKey = {
      ...VISITOR,
      channel: "event",
      instance: "jobs",
      contact: "jobs",
    };
    const scope: Scope = { kind: "agent", account: "acme", agentId: "ana" };
    await core.oversight.pause(scope, ROSA, {});
    for (const text of ["job 1", "job 2"]) {
      const inbound = {
        ...messageFrom(key, text),
        trigger: "event" as const,
        templated: true,
        sender_id: null,
        msg_id: null,
      };
      await core.store.commit(core.inbounds.rowsForQueued(inbound, sessionIdOf(key), Date.now()));
    }
    core.conversations.push(await core.inbounds.openForOperator());
    await core.idle();
    expect(await core.transcript(key)).toEqual([]);
    expect((await core.oversight.resume(scope, ROSA, give)).drained).toBe(2);
    await core.idle();
    expect((await core.transcript(key)).map(({ body }) => body)).toEqual([
      "job 1",
      'You said: "job 1"',
      "job 2",
      'You said: "job 2"',
    ]);
  });
});

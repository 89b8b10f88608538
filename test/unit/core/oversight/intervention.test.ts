import { describe, expect, it } from "vitest";
import type { ConversationKey, InterventionAction } from "../../../../core/contract/mod.ts";
import type { Scope } from "../../../../core/oversight/scopes.ts";
import {
  IVAN,
  openTakeoverPlace,
  operatorReply as reply,
  ROSA,
  SCOPE,
  type TakeoverOptions,
} from "../../../support/takeover.ts";
import { VISITOR } from "../../../support/turns.ts";

const AGENT: Scope = { kind: "agent", account: "acme", agentId: "ana" };
const give = { force: false };

async function open(oversight = "", over: TakeoverOptions = {}) {
  const place = await openTakeoverPlace(oversight, over);
  const core = await place.start();
  return { core, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

describe("an operator's reply", () => {
  it("P4: goes out as theirs and is in the transcript and the model's history by the same commit", async () => {
    await using opened = await open();
    const { core } = opened;
    await core.oversight.pause(SCOPE, ROSA, {});
    const done = await core.oversight.intervene(SCOPE, ROSA, reply("This is Rosa."), {});
    await core.idle();
    expect(done).toMatchObject({ changed: true, stamped: true });
    expect(core.sent).toEqual([{ author: "operator", text: "This is Rosa.", contact: "visitor" }]);
    expect(await core.transcript(VISITOR)).toMatchObject([{
      role: "assistant",
      body: "This is Rosa.",
      source: "intervention:webchat",
      sender: `operator:${ROSA.hash}`,
    }]);
    await core.oversight.resume(SCOPE, ROSA, give);
    await core.say(VISITOR, "thanks");
    await core.idle();
    // The first thing a model reads is what a person said.
    expect(core.asked.at(-1)?.map(({ content }) => content)).toEqual(["thanks"]);
  });

  it("is said once for one key, however often it is asked for", async () => {
    await using opened = await open();
    const { core } = opened;
    await core.oversight.pause(SCOPE, ROSA, {});
    const first = await core.oversight.intervene(SCOPE, ROSA, reply("once"), { key: "k" });
    const again = await core.oversight.intervene(SCOPE, ROSA, reply("once"), { key: "k" });
    expect(again).toEqual({ ...first, changed: false });
    await core.idle();
    expect(core.sent).toHaveLength(1);
    expect(await core.transcript(VISITOR)).toHaveLength(1);
  });

  it("may be a file of the web where the channel shows one", async () => {
    await using opened = await open();
    const { core } = opened;
    await core.oversight.pause(SCOPE, ROSA, {});
    const attachments = [{ url: "https://x.example/a.png", mime_type: "image/png" }];
    const file = reply("Look", { msg_kind: "media", attachments });
    await core.oversight.intervene(SCOPE, ROSA, file, {});
    await core.idle();
    expect(core.sent).toMatchObject([{ author: "operator", contact: "visitor" }]);
    const [said] = await core.transcript(VISITOR);
    expect(said).toMatchObject({ body: "Look", source: "intervention:webchat" });
  });

  it.each<[string, Partial<InterventionAction & { kind: "reply" }>, RegExp]>([
    ["another person", { to: "other" }, /^to `other` is not the paused scope's$/],
    ["another tenant", { account_id: "globex" }, /^account_id `globex`/],
    ["another channel", { channel: "telegram" }, /^channel `telegram`/],
    ["nothing", { body: " " }, /^missing field: body$/],
    ["a kind nobody knows", { msg_kind: "dance" }, /^unsupported msg_kind: dance$/],
    ["an answer to nothing", { msg_kind: "reply" }, /^missing field: reply_to_msg_id$/],
    [
      "a file of this machine",
      { msg_kind: "media", attachments: [{ url: "file:///etc/passwd" }] },
      /^invalid value for attachments\[0\].url/,
    ],
  ])("is refused for %s, and nothing is written", async (_what, over, message) => {
    await using opened = await open();
    const { core } = opened;
    await core.oversight.pause(SCOPE, ROSA, {});
    await expect(core.oversight.intervene(SCOPE, ROSA, reply("x", over), {})).rejects.toMatchObject(
      {
        code: "invalid_params",
        message: expect.stringMatching(message),
      },
    );
    expect(await core.transcript(VISITOR)).toEqual([]);
    expect(await core.outbox.openForOperator()).toEqual([]);
  });

  it("needs a pause", async () => {
    await using opened = await open();
    await expect(opened.core.oversight.intervene(SCOPE, ROSA, reply("x"), {})).rejects.toThrow(
      "scope_not_paused: ana",
    );
  });

  it("P4: in an agent's pause goes to those who wrote to it, and nobody else", async () => {
    await using opened = await open();
    const { core } = opened;
    await core.oversight.pause(AGENT, ROSA, {});
    await core.say(VISITOR, "hello");
    await core.idle();
    await core.oversight.intervene(AGENT, ROSA, reply("hi"), {});
    await core.oversight.intervene(SCOPE, ROSA, reply("hi again"), {});
    await expect(core.oversight.intervene(AGENT, ROSA, reply("x", { to: "stranger" }), {}))
      .rejects.toThrow("to `stranger`");
    await core.idle();
    expect(core.sent.map(({ text }) => text)).toEqual(["hi", "hi again"]);
  });
});

describe("other acts", () => {
  it("inject_input tells the agent something it reads with its next turn", async () => {
    await using opened = await open();
    const { core } = opened;
    await core.oversight.pause(SCOPE, ROSA, {});
    await core.say(VISITOR, "where is it?");
    await core.idle();
    await core.oversight.intervene(SCOPE, ROSA, {
      kind: "inject_input",
      content: "It is in Bogotá.",
    }, {});
    const { drained } = await core.oversight.resume(SCOPE, ROSA, { ...give, runTurn: true });
    await core.idle();
    expect(drained).toBe(2);
    expect(core.asked).toEqual([[
      { role: "user", content: "where is it?" },
      { role: "user", content: "[operator_input] It is in Bogotá." },
    ]]);
    expect(core.sent).toHaveLength(1);
  });

  it("skip_item takes one message off, with the reason on record", async () => {
    await using opened = await open();
    const { core } = opened;
    await core.oversight.pause(SCOPE, ROSA, {});
    const said = await core.say(VISITOR, "spam");
    await core.say(VISITOR, "real");
    await core.idle();
    const itemId = said.kind === "accepted" ? said.inboundId : "";
    const skip = { kind: "skip_item" as const, item_id: itemId, reason: "not for us" };
    await core.oversight.intervene(SCOPE, ROSA, skip, {});
    await expect(core.oversight.intervene(SCOPE, ROSA, skip, {})).rejects.toThrow(
      "item_not_pending",
    );
    expect((await core.transcript(VISITOR)).at(-1)).toMatchObject({
      role: "system",
      body: "[operator_skipped] not for us",
    });
    expect((await core.oversight.resume(SCOPE, ROSA, give)).drained).toBe(1);
  });
});

describe("what customers are told", () => {
  it("is the agent's own handoff text, once for a pause", async () => {
    await using opened = await open(
      "takeover: { handoff_text: A person., agents: { ana: { handoff_text: Una persona. } } }",
    );
    const { core } = opened;
    await core.oversight.pause(SCOPE, ROSA, {});
    await core.oversight.pause(SCOPE, ROSA, {});
    await core.say(VISITOR, "hello");
    await core.idle();
    expect(core.sent).toEqual([{ author: "core", text: "Una persona.", contact: "visitor" }]);
  });

  it("comes with the first message where a whole agent is paused", async () => {
    await using opened = await open("takeover: { handoff_text: A person. }");
    const { core } = opened;
    await core.oversight.pause(AGENT, ROSA, {});
    await core.idle();
    expect(core.sent).toEqual([]);
    await core.say(VISITOR, "one");
    await core.idle();
    await core.say(VISITOR, "two");
    await core.idle();
    expect(core.sent).toHaveLength(1);
  });
});

describe("a message from our own side", () => {
  const own = (core: Awaited<ReturnType<typeof open>>["core"], text: string) => {
    const { writes, settled } = core.oversight.hearOwn({ key: VISITOR, text });
    return { commit: () => core.store.commit(writes).finally(() => void settled()), settled };
  };

  it("takes the conversation over in the commit it comes with, for any operator to go on", async () => {
    await using opened = await open();
    const { core } = opened;
    await Promise.all([own(core, "Hi, Rosa here").commit(), own(core, "One moment").commit()]);
    await core.say(VISITOR, "ok");
    await core.idle();
    expect(core.sent).toEqual([]);
    expect(await core.events("acme", "processing_state_changed")).toMatchObject([
      { new_state: { operator_token_hash: "own:webchat", reason: "own_message" } },
    ]);
    expect(await core.transcript(VISITOR)).toMatchObject([
      { role: "assistant", body: "Hi, Rosa here", sender: "operator:own:webchat" },
      { role: "assistant", body: "One moment" },
      { role: "user", body: "ok" },
    ]);
    expect((await core.oversight.pause(SCOPE, ROSA, {})).changed).toBe(true);
  });

  it("pauses nothing when its delivery was not kept", async () => {
    await using opened = await open();
    const { core } = opened;
    await own(core, "lost").settled();
    await core.say(VISITOR, "hello");
    await core.idle();
    expect(core.sent).toHaveLength(1);
  });

  it.each([["record", 1], ["ignore", 0]])("is only a line when told to %s", async (mode, lines) => {
    await using opened = await open(`takeover: { own_messages: ${mode} }`);
    const { core } = opened;
    await own(core, "Hi").commit();
    expect(core.oversight.pauses.get(SCOPE)).toBeUndefined();
    expect(await core.transcript(VISITOR)).toHaveLength(lines);
  });
});

describe("time", () => {
  async function until(isTrue: () => Promise<boolean> | boolean): Promise<void> {
    while (!await isTrue()) await new Promise((resolve) => setImmediate(resolve));
  }

  it("P8: ends a pause by itself after the operator's last act, also after a restart", async () => {
    await using place = await openTakeoverPlace(
      "takeover: { auto_resume_after: 1h, run_turn: true }",
    );
    {
      const now = () => Date.now() - 3_600_000;
      await using core = await place.start({ now });
      await core.oversight.pause(SCOPE, ROSA, {});
      await core.say(VISITOR, "anybody?");
    }
    await using core = await place.start();
    await until(() => core.oversight.pauses.get(SCOPE) === undefined);
    await core.idle();
    await until(() => core.sent.length > 0);
    expect(core.sent).toMatchObject([{ text: 'You said: "anybody?"' }]);
    expect((await core.events("acme", "processing_state_changed")).at(-1)).toMatchObject({
      new_state: { state: "agent_active" },
    });
  });

  it("never ends one that was told to stay", async () => {
    await using opened = await open("takeover: { auto_resume_after: 1ms }");
    const { core } = opened;
    const { pause } = await core.oversight.pause(SCOPE, ROSA, { autoResumeMs: null });
    expect(pause.autoResumeMs).toBeNull();
  });

  it("P8: tells once of a pause that seems forgotten, with what waits there", async () => {
    await using opened = await open("takeover: { forgotten_after: 30ms }");
    const { core } = opened;
    await core.oversight.pause(SCOPE, ROSA, {});
    await core.say(VISITOR, "hello?");
    await core.idle();
    await until(async () => (await core.events("acme", "pause_forgotten")).length > 0);
    await core.say(VISITOR, "hello??");
    await core.idle();
    expect(await core.events("acme", "pause_forgotten")).toMatchObject([
      { agent_id: "ana", operator_token_hash: ROSA.hash, scope: { contact_id: "visitor" } },
    ]);
    expect(core.oversight.pauses.get(SCOPE)).toBeDefined();
  });
});

describe("escalate_to_human", () => {
  const escalate = (summary: string, more = "") =>
    `escalate_to_human {"summary":"${summary}","reason":"complaint"${more}}`;
  const globex: ConversationKey = { ...VISITOR, account_id: "globex", instance: "globex" };

  it("P9: asks once, of the conversation it is called in, redacted, and a pause answers it", async () => {
    await using opened = await open(
      "escalations: { notify: [{ channel: webchat, instance: acme, to: rosa, tenants: [acme] }] }",
    );
    const { core } = opened;
    await core.say(VISITOR, escalate("card 4111 1111 1111 1111", ',"urgency":"high"'));
    await core.idle();
    await core.say(VISITOR, escalate("again"));
    await core.idle();
    const requested = await core.events("acme", "escalation_requested");
    expect(requested).toMatchObject([{
      agent_id: "ana",
      tenant_id: "acme",
      reason: "complaint",
      urgency: "high",
      scope: { kind: "conversation", contact_id: "visitor" },
    }]);
    expect(JSON.stringify(requested)).not.toContain("4111");
    expect(core.sent.filter(({ contact }) => contact === "rosa")).toMatchObject([
      { author: "core", text: expect.stringMatching(/^\[escalation, high\] ana of acme/) },
    ]);
    expect(core.sent.at(-1)?.text).toContain("already_pending");

    await core.oversight.pause(SCOPE, ROSA, {});
    expect(await core.events("acme", "escalation_resolved")).toMatchObject([
      { by: { kind: "operator_takeover" }, tenant_id: "acme" },
    ]);
    expect(await core.oversight.escalations.resolve(SCOPE, ROSA, { kind: "operator_takeover" }))
      .toBe(false);
  });

  it("P8: stays pending when a pause is refused", async () => {
    await using opened = await open();
    const { core } = opened;
    await core.oversight.pause(AGENT, ROSA, {});
    await core.oversight.escalations.request(VISITOR, {
      id: core.uuid(),
      summary: "s",
      reason: "other",
      urgency: "low",
      context: undefined,
    });
    expect((await core.oversight.pause(AGENT, IVAN, {})).changed).toBe(false);
    expect(await core.events("acme", "escalation_resolved")).toEqual([]);
  });

  it("P9: is heard three times an hour of one conversation, and says when again", async () => {
    let nowMs = 1_000_000;
    await using opened = await open("", { now: () => nowMs });
    const { core } = opened;
    const request = (key: ConversationKey) =>
      core.oversight.escalations.request(key, {
        id: core.uuid(),
        summary: "s",
        reason: "other",
        urgency: "normal",
        context: { order: 1 },
      });
    const dismiss = { kind: "operator_dismissed", reason: "no" } as const;
    for (let i = 0; i < 3; i++) {
      expect(await request(VISITOR)).toEqual({ kind: "requested" });
      await core.oversight.escalations.resolve(SCOPE, ROSA, dismiss);
      nowMs += 1_000;
    }
    expect(await request(VISITOR)).toEqual({ kind: "throttled", retryAfterMs: 3_597_000 });
    expect(await request(globex)).toEqual({ kind: "requested" });
    // The moment the window ends still counts.
    nowMs = 1_000_000 + 3_600_000;
    expect(await request(VISITOR)).toEqual({ kind: "throttled", retryAfterMs: 0 });
    nowMs += 1;
    expect(await request(VISITOR)).toEqual({ kind: "requested" });
  });

  it("P9: is asked once when its step runs again, or twice at the same time", async () => {
    await using opened = await open();
    const { core } = opened;
    const request = (id: string) =>
      core.oversight.escalations.request(VISITOR, {
        id,
        summary: "s",
        reason: "other",
        urgency: "normal",
        context: undefined,
      });
    const id = core.uuid();
    const kinds = await Promise.all([request(id), request(id), request(core.uuid())]);
    expect(kinds.map(({ kind }) => kind).sort()).toContain("requested");
    expect(await core.events("acme", "escalation_requested")).toHaveLength(1);
    expect(await request(id)).toEqual({ kind: "requested" });
  });

  it("is overdue when nobody looks in time, and that is said once", async () => {
    await using opened = await open("escalations: { due: { high: 1ms } }");
    const { core } = opened;
    await core.say(VISITOR, escalate("help", ',"urgency":"high"'));
    await core.idle();
    while ((await core.events("acme", "escalation_overdue")).length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await core.events("acme", "escalation_overdue")).toMatchObject([
      { urgency: "high", scope: { contact_id: "visitor" } },
    ]);
  });
});

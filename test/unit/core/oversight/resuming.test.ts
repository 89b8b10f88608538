/**
 * The end of a pause: what the model learns, and what becomes of those who waited.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { sessionIdOf } from "../../../../core/agents/session.ts";
import type { ConversationKey } from "../../../../core/contract/mod.ts";
import type { Scope } from "../../../../core/oversight/scopes.ts";
import { IVAN, openTakeoverPlace, ROSA, SCOPE } from "../../../support/takeover.ts";
import { messageFrom, tool, VISITOR } from "../../../support/turns.ts";

const OTHER: ConversationKey = { ...VISITOR, contact: "other" };
const give = { force: false };

describe("an end of a pause", () => {
  it("P3: gives the model what it missed, and answers nothing unless told so", async () => {
    await using opened = await openTakeoverPlace();
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
    await using opened = await openTakeoverPlace();
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
    await using opened = await openTakeoverPlace();
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
    await using opened = await openTakeoverPlace();
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
    await using opened = await openTakeoverPlace();
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

  it("leaves waiting what another pause still holds", async () => {
    await using opened = await openTakeoverPlace();
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

  it("P7: gives back a message whole: its files, its time, what it answers and where to answer it", async () => {
    await using opened = await openTakeoverPlace();
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
});

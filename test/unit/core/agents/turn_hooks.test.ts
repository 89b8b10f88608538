import { describe, expect, it } from "vitest";
import { operatorConversationMethods } from "../../../../core/admin/operator_conversations.ts";
import { sessionIdOf } from "../../../../core/agents/session.ts";
import { runTurn } from "../../../../core/agents/turn.ts";
import type { TurnDeps } from "../../../../core/agents/turn_types.ts";
import type { HookPoint } from "../../../../core/microapps/handshake.ts";
import { applyVote, type HookOutcome, readVote } from "../../../../core/microapps/hooks.ts";
import { offlineModel } from "../../../../core/models/offline.ts";
import { microapp, openDispatch, operator } from "../../../support/admin.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine, type Spine } from "../../../support/spine.ts";
import {
  asking,
  depsOf,
  messageFrom,
  queued,
  tool,
  VISITOR as KEY,
} from "../../../support/turns.ts";

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: acme }]
`;
const message = (text: string) => messageFrom(KEY, text);
const never = new AbortController().signal;

async function open(): Promise<Spine> {
  const settings = await settingsOf({ "agents.yaml": AGENTS });
  return openSpine(() => settings);
}

type Answers = Partial<Record<HookPoint, unknown>>;
interface Asked {
  readonly point: HookPoint;
  readonly params: Readonly<Record<string, unknown>>;
  readonly callId: string | undefined;
}

/** One microapp that answers each hook as `answers` says when it is asked. */
function hooksOf(answers: Answers) {
  const asked: Asked[] = [];
  const hooks: TurnDeps["hooks"] = {
    hasHooks: (point) => point in answers,
    runHook(point, params, { meta }) {
      asked.push({ point, params, callId: meta.nexo?.call_id });
      const answer = answers[point];
      const word = { microappId: "guard", reason: "it said no" };
      const outcome = { blocked: null, failed: null, mute: null, params, effects: [] };
      if (answer === "fails") {
        const effects = [{ ...word, effect: "failed" as const }];
        return Promise.resolve({ ...outcome, failed: word, effects });
      }
      const vote = readVote(answer);
      if (vote === null) throw new TypeError(`Cannot read ${JSON.stringify(answer)}`);
      const changed: HookOutcome = {
        ...outcome,
        mute: vote.mute ? word : null,
        params: applyVote(point, params, vote),
        effects: vote.kind === "continue" ? [] : [{ ...word, effect: vote.kind }],
      };
      return Promise.resolve(vote.kind === "block" ? { ...changed, blocked: word } : changed);
    },
  };
  return { hooks, asked };
}

async function said(spine: Spine) {
  const entries = await spine.transcripts.readTranscript({
    account: "acme",
    sessionId: sessionIdOf(KEY),
  });
  return entries.map(({ role, body }) => [role, body]);
}

async function kindsOf(spine: Spine): Promise<string[]> {
  const { events } = await spine.events.list({ account: "acme", after: 0 });
  return events.map(({ kind }) => kind);
}

const sales = (calls: unknown[]) =>
  tool("sell", (args) => {
    calls.push(args);
    return Promise.resolve({ ok: true, text: "sold" });
  });

describe("the hooks of a turn", () => {
  it("hear the message, the calls and the reply, with what the wire promises of each", async () => {
    await using spine = await open();
    const { hooks, asked } = hooksOf({
      before_message: null,
      before_tool_call: null,
      after_tool_call: null,
      after_message: null,
    });
    const job = await queued(spine, message('sell {"text": "milk"}'));
    const end = await runTurn(job, depsOf(spine, [sales([])], { hooks }), never);

    const who = { agent_id: "ana", session_id: sessionIdOf(KEY) };
    const text = 'sell {"text": "milk"}';
    const name = { tool_name: "ext_app_sell" };
    expect(asked.map(({ point, params }) => [point, params])).toEqual([
      ["before_message", { ...who, text, source: "webchat" }],
      ["before_tool_call", { ...who, ...name, arguments: { text: "milk" } }],
      ["after_tool_call", {
        ...who,
        ...name,
        result: "sold",
        error: null,
        duration_ms: expect.any(Number) as number,
      }],
      ["after_message", { ...who, text_in: text, text_out: "sell answered: sold" }],
    ]);
    expect(asked[1]?.callId).toBeDefined();
    expect(asked[2]?.callId).toBe(asked[1]?.callId);
    expect(end).toMatchObject({ outcome: "ok", reply: "sell answered: sold" });
    expect(await kindsOf(spine)).not.toContain("hook_applied");
  });

  it("K1: change the question, the arguments and the reply, for the host and for the record", async () => {
    await using spine = await open();
    const calls: unknown[] = [];
    const heard: string[] = [];
    const { hooks } = hooksOf({
      before_message: { decision: "transform", transformed_body: "sell it to [person]" },
      before_tool_call: { override: { arguments: { text: "[person]" } } },
      after_message: { override: { text_out: "done, nothing more" } },
    });
    const deps = depsOf(spine, [sales(calls)], {
      hooks,
      ask: asking((request) => {
        heard.push(request.messages[0]?.content ?? "");
        return offlineModel(request);
      }),
    });
    const job = await queued(spine, message("sell it to"), message("John Smith"));
    const end = await runTurn(job, deps, never);

    expect(heard[0]).toBe("sell it to [person]");
    expect(calls).toEqual([{ text: "[person]" }]);
    expect(end).toMatchObject({ reply: "done, nothing more" });
    // What the hook took out is nowhere in the record.
    expect(await said(spine)).toEqual([
      ["user", "sell it to [person]"],
      ["assistant", ""],
      ["tool", "sold"],
      ["assistant", "done, nothing more"],
    ]);
    const history = await deps.history({
      account: "acme",
      agentId: "ana",
      sessionId: sessionIdOf(KEY),
      limit: 10,
    });
    expect(history.messages.at(-1)?.message.content).toBe("done, nothing more");
    const [call] = await spine.store.read("SELECT arguments FROM tool_calls");
    expect(call?.["arguments"]).toBe('{"text":"[person]"}');
    const { events } = await spine.events.list({ account: "acme", kinds: ["hook_applied"] });
    expect(events.map(({ body }) => JSON.parse(body) as { point: string; effect: string }))
      .toMatchObject([
        { point: "before_message", effect: "transform", microapp_id: "guard" },
        { point: "before_tool_call", effect: "override", microapp_id: "guard" },
        { point: "after_message", effect: "override", microapp_id: "guard" },
      ].reverse());
  });

  it("stop a message without a reply, and what was said is kept", async () => {
    await using spine = await open();
    const { hooks } = hooksOf({ before_message: { abort: true } });
    const end = await runTurn(
      await queued(spine, message("STOP")),
      depsOf(spine, [], { hooks }),
      never,
    );
    expect(end).toMatchObject({
      outcome: "refused",
      error: "stopped by a hook: guard: it said no",
      reply: null,
    });
    expect(await spine.outbox.openForOperator()).toEqual([]);
    expect(await said(spine)).toEqual([["user", "STOP"]]);
  });

  it("stop a tool call: the model reads why, and those after it hear of it", async () => {
    await using spine = await open();
    const calls: unknown[] = [];
    const { hooks, asked } = hooksOf({
      before_tool_call: { decision: "block" },
      after_tool_call: null,
    });
    const deps = depsOf(spine, [sales(calls)], { hooks });
    const end = await runTurn(await queued(spine, message("sell")), deps, never);
    expect(calls).toEqual([]);
    const text = "tool `ext_app_sell` blocked by extension `guard`: it said no";
    expect(end).toMatchObject({ outcome: "ok", reply: `sell failed: ${text}` });
    expect(asked[1]?.params).toMatchObject({ error: "blocked-by-hook", result: text });
    const [row] = await spine.store.read("SELECT outcome FROM tool_calls");
    expect(row).toEqual({ outcome: "blocked" });
  });

  it("may not give a tool arguments that do not fit its schema", async () => {
    await using spine = await open();
    const calls: unknown[] = [];
    const { hooks } = hooksOf({ before_tool_call: { override: { arguments: { text: 7 } } } });
    const deps = depsOf(spine, [sales(calls)], { hooks });
    await runTurn(await queued(spine, message("sell")), deps, never);
    expect(calls).toEqual([]);
    const [row] = await spine.store.read("SELECT outcome FROM tool_calls");
    expect(row).toEqual({ outcome: "invalid_args" });
  });

  it("are not asked again when the turn runs again, and their word still counts", async () => {
    await using spine = await open();
    const answers: Answers = {
      before_message: { decision: "transform", transformed_body: "sell the first" },
      before_tool_call: { override: { arguments: { text: "first" } } },
      after_tool_call: null,
    };
    const { hooks, asked } = hooksOf(answers);
    const crash = new AbortController();
    const calls: unknown[] = [];
    const dying = tool("sell", (args) => {
      calls.push(args);
      if (calls.length > 1) return Promise.resolve({ ok: true, text: "sold" });
      crash.abort(new Error("the process dies here"));
      return Promise.reject(crash.signal.reason as Error);
    });
    const deps = depsOf(spine, [dying], { hooks });
    const job = await queued(spine, message("sell"));
    await expect(runTurn(job, deps, crash.signal)).rejects.toThrow("dies here");

    answers.before_message = { abort: true };
    answers.before_tool_call = { abort: true };
    const end = await runTurn({ ...job, starts: 1 }, deps, never);
    expect(end).toMatchObject({ outcome: "ok", reply: "sell answered: sold" });
    expect(calls).toEqual([{ text: "first" }, { text: "first" }]);
    expect(asked.map(({ point }) => point)).toEqual([
      "before_message",
      "before_tool_call",
      "after_tool_call",
    ]);
    const kinds = await kindsOf(spine);
    expect(kinds.filter((kind) => kind === "hook_applied")).toHaveLength(2);
  });

  it("A11: that must have their say hold the message back, the call and its result", async () => {
    await using spine = await open();
    const calls: unknown[] = [];
    const held = hooksOf({ before_message: "fails" });
    const job = await queued(spine, message("sell"));
    const deps = depsOf(spine, [sales(calls)], { hooks: held.hooks });
    expect((await runTurn(job, deps, never)).kind).toBe("retry");
    expect(await spine.outbox.openForOperator()).toEqual([]);

    // It is asked again, and once it has agreed, what guards the reply holds that back.
    const after = hooksOf({ before_message: null, after_message: "fails" });
    const again = { ...job, attempts: 1, starts: 1 };
    expect((await runTurn(again, { ...deps, hooks: after.hooks }, never)).kind).toBe("retry");
    expect(after.asked.map(({ point }) => point)).toEqual(["before_message", "after_message"]);
    expect(calls).toHaveLength(1);
    expect(await spine.outbox.openForOperator()).toEqual([]);

    const tools = hooksOf({ before_tool_call: "fails" });
    const blocked = await runTurn(
      await queued(spine, message("sell")),
      { ...deps, hooks: tools.hooks },
      never,
    );
    expect(blocked).toMatchObject({
      reply: expect.stringContaining("blocked by extension `guard`"),
    });
    expect(calls).toHaveLength(1);

    const results = hooksOf({ after_tool_call: "fails" });
    const withheld = await runTurn(
      await queued(spine, message("sell")),
      { ...deps, hooks: results.hooks },
      never,
    );
    expect(withheld).toMatchObject({ reply: expect.not.stringContaining("sold") });
    expect(withheld).toMatchObject({ reply: expect.stringContaining("is withheld by guard") });
  });
});

describe("a muted conversation", () => {
  const last = { decision: "transform", transformed_body: "bye", do_not_reply_again: true };

  it("gets the reply under way and none after it, also after a restart, until somebody unmutes it", async () => {
    await using spine = await open();
    const { hooks, asked } = hooksOf({ after_message: last });
    const deps = depsOf(spine, [], { hooks });
    const first = await runTurn(await queued(spine, message("leave me alone")), deps, never);
    expect(first).toMatchObject({ outcome: "ok", reply: "bye" });

    const second = await runTurn(await queued(spine, message("hello?")), deps, never);
    expect(second).toMatchObject({
      outcome: "refused",
      error: "conversation_muted",
      reply: null,
    });
    expect(await spine.outbox.openForOperator()).toHaveLength(1);
    expect(asked).toHaveLength(1);
    expect((await said(spine)).at(-1)).toEqual(["user", "hello?"]);

    const methods = operatorConversationMethods({ ...spine, rowsForEvents: spine.rows.events });
    const place = openDispatch(methods);
    const list = (account?: string) =>
      place.dispatch(operator, "nexo/operator/conversations/muted", { account });
    const session = sessionIdOf(KEY);
    expect(await list()).toMatchObject({
      conversations: [{ ...KEY, session_id: session, muted_by: "guard" }],
    });
    expect(await list("globex")).toEqual({ conversations: [] });
    const unmute = (account: string) =>
      place.dispatch(operator, "nexo/operator/conversations/unmute", {
        account,
        session_id: session,
      });
    await expect(unmute("globex")).rejects.toMatchObject({ code: -32603 });
    await unmute("acme");
    await expect(unmute("acme")).rejects.toMatchObject({ code: -32603 });
    await expect(
      place.dispatch(microapp({}), "nexo/operator/conversations/unmute", {}),
    ).rejects.toMatchObject({ code: -32004 });
    await expect(place.dispatch(operator, "nexo/operator/conversations/unmute", {}))
      .rejects.toMatchObject({ code: -32602 });
    expect(place.audit.filter((line) => line.startsWith("outcome"))).toEqual([
      "outcome nexo/operator/conversations/unmute error -32603",
      "outcome nexo/operator/conversations/unmute ok null",
      "outcome nexo/operator/conversations/unmute error -32603",
      "outcome nexo/operator/conversations/unmute denied -32004",
      "outcome nexo/operator/conversations/unmute error -32602",
    ]);
    expect(await list()).toEqual({ conversations: [] });

    const third = await runTurn(await queued(spine, message("hello again")), deps, never);
    expect(third).toMatchObject({ outcome: "ok", reply: "bye" });
    const kinds = (await kindsOf(spine)).filter((kind) => kind.startsWith("conversation_"));
    expect(kinds).toEqual(["conversation_muted", "conversation_unmuted", "conversation_muted"]);
  });

  it("is the tenant's own: the same contact elsewhere is answered", async () => {
    await using spine = await open();
    const key = { ...KEY, account_id: "globex" };
    await spine.store.commit(spine.mutes.rowsForMuted({
      key,
      sessionId: sessionIdOf(key),
      by: "guard",
      reason: "",
      turnId: null,
      atMs: 1,
    }));
    const deps = depsOf(spine, []);
    const end = await runTurn(await queued(spine, message("hello")), deps, never);
    expect(end).toMatchObject({ outcome: "ok" });
    expect(await spine.mutes.isMuted("acme", sessionIdOf(key), "t")).toBe(false);
  });
});

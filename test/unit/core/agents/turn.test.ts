import { describe, expect, it } from "vitest";
import { sessionIdOf } from "../../../../core/agents/session.ts";
import { MAX_ATTEMPTS, runTurn } from "../../../../core/agents/turn.ts";
import { CodedError, type Inbound } from "../../../../core/contract/mod.ts";
import { offlineModel } from "../../../../core/models/offline.ts";
import { createTurnSteps } from "../../../../core/queues/turn_steps.ts";
import { tailForAccount } from "../../../../core/record/turns.ts";
import type { Settings } from "../../../../core/settings/settings.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine } from "../../../support/spine.ts";
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
    tool_rate_limits: { patterns: { limited: { rps: 0.001, burst: 1 } } }
    config: { max_tool_iterations: 3 }
`;
const message = (text: string) => messageFrom(KEY, text);
const never = new AbortController().signal;

async function open(over: Partial<Record<string, string>> = {}) {
  let settings: Settings = await settingsOf({ "agents.yaml": AGENTS, ...over });
  const spine = await openSpine(() => settings);
  return { spine, change: (next: Settings) => void (settings = next) };
}

/** Tools `first` and `second`, which note that they were called; something happens during the first. */
function twoTools(during: () => void) {
  const calls: string[] = [];
  const first = tool("first", () => {
    calls.push("first");
    during();
    return Promise.resolve({ ok: true, text: "" });
  });
  const second = tool("second", () => {
    calls.push("second");
    return Promise.resolve({ ok: true, text: "" });
  });
  return { calls, tools: [first, second] };
}

describe("runTurn()", () => {
  it("leaves transcript, turn row, tool call, reply and events in the tenant's record", async () => {
    await using spine = (await open()).spine;
    const saved: unknown[] = [];
    const note = tool("note_add", (args) => {
      saved.push(args);
      return Promise.resolve({ ok: true, text: "saved" });
    });
    const job = await queued(spine, message('note_add {"text": "milk"}'));

    const result = await runTurn(job, depsOf(spine, [note]), never);

    expect(saved).toEqual([{ text: "milk" }]);
    expect(result).toMatchObject({ kind: "finished", outcome: "ok" });
    const { turns: [turn] } = await tailForAccount(spine.store, "acme");
    expect(turn).toMatchObject({ turn_id: job.turnId, outcome: "ok", tool_calls: 1, attempts: 1 });
    const kinds = (await spine.events.list({ account: "acme", after: 0 })).events
      .map(({ kind }) => kind);
    expect(kinds).toEqual([
      "turn_started",
      "tool_called",
      "transcript_appended",
      "transcript_appended",
      "transcript_appended",
      "transcript_appended",
      "turn_finished",
    ]);
    expect((await tailForAccount(spine.store, "globex")).turns).toEqual([]);
    expect(await spine.store.read("SELECT 1 AS x FROM turn_steps")).toEqual([]);
    expect(await spine.outbox.openForOperator()).toHaveLength(1);
  });

  it.each(["channel", "event", "timer", "delegation"] as const)(
    "U1: leaves one row of its tenant, whatever it came from: %s",
    async (trigger) => {
      await using spine = (await open()).spine;
      const inbound: Inbound = {
        ...message("hello"),
        trigger,
        ...(trigger === "delegation"
          ? { delegation: { callers: [KEY], origin_session_id: sessionIdOf(KEY) } }
          : {}),
      };
      const job = await queued(spine, inbound);
      await runTurn(job, depsOf(spine, []), never);
      const { turns } = await tailForAccount(spine.store, "acme", { sinceMs: Date.now() - 60_000 });
      expect(turns).toMatchObject([{
        turn_id: job.turnId,
        account_id: "acme",
        binding_id: "webchat:acme",
        trigger,
        outcome: "ok",
      }]);
      expect(turns[0]?.tokens_in).toBeGreaterThan(0);
    },
  );

  it("A1: replays finished steps when it runs again after a crash, and sends one reply", async () => {
    await using spine = (await open()).spine;
    const crash = new AbortController();
    const calls: (string | undefined)[] = [];
    const first = tool("first", (_args, { meta }) => {
      calls.push(`first ${meta.nexo?.call_id}`);
      return Promise.resolve({ ok: true, text: "one" });
    });
    const second = tool("second", (_args, { meta, signal }) => {
      calls.push(`second ${meta.nexo?.call_id}`);
      if (calls.length === 2) {
        crash.abort(new Error("the process dies here"));
        signal.throwIfAborted();
      }
      return Promise.resolve({ ok: true, text: "two" });
    });
    const job = await queued(spine, message("first second"));
    const deps = depsOf(spine, [first, second]);

    await expect(runTurn(job, deps, crash.signal)).rejects.toThrow("dies here");
    const [left] = await spine.inbounds.openForOperator();
    expect(left).toMatchObject({ turn_id: job.turnId, starts: 1, attempts: 0 });
    const result = await runTurn({ ...job, starts: 1 }, deps, never);

    expect(result).toMatchObject({ outcome: "ok" });
    expect(calls.map((call) => call?.split(" ")[0])).toEqual(["first", "second", "second"]);
    expect(calls[1]).toBe(calls[2]);
    expect(await spine.outbox.openForOperator()).toHaveLength(1);
    expect(await spine.inbounds.openForOperator()).toEqual([]);
  });

  it("A8: tries a failed model three times, then answers something and keeps a dead letter", async () => {
    await using spine = (await open()).spine;
    const job = await queued(spine, message("hello"));
    const deps = depsOf(spine, [], {
      ask: () => Promise.reject(new CodedError("model_failed", "Cannot ask model: 500")),
    });
    for (let attempts = 0; attempts < MAX_ATTEMPTS - 1; attempts++) {
      expect((await runTurn({ ...job, attempts, starts: attempts }, deps, never)).kind).toBe(
        "retry",
      );
    }
    const end = await runTurn({ ...job, attempts: 2, starts: 2 }, deps, never);
    expect(end).toMatchObject({ kind: "finished", outcome: "error" });
    expect(end.kind === "finished" && end.reply).toMatch(/could not answer/);
    expect(await spine.deadLetters.listForOperator({ limit: 10 })).toMatchObject([
      { account_id: "acme", kind: "inbound", ref_id: job.inboundIds[0], code: "model_failed" },
    ]);
  });

  it("A10: keeps no reply in the transcript that is not on its way out as well", async () => {
    await using spine = (await open()).spine;
    const { store } = spine;
    let fails = true;
    const failing: typeof store = {
      ...store,
      commit(unit) {
        const isEnd = unit.some((write) => write.type === "insert" && write.table === "outbox");
        // The row of the reply comes twice, which fails its unit on the disk itself.
        return store.commit(isEnd && fails ? [...unit, ...unit] : unit);
      },
    };
    const steps = createTurnSteps({ store: failing, sealer: spine.sealer });
    const deps = depsOf({ ...spine, store: failing, steps }, []);
    const job = await queued(spine, message("hello"));
    // Nothing of it is written, so it is tried again.
    expect(await runTurn(job, deps, never)).toMatchObject({ kind: "retry" });
    const left = () =>
      Promise.all(
        ["transcripts", "outbox", "turns"].map(async (table) =>
          (await store.read(`SELECT 1 AS one FROM ${table}`)).length
        ),
      );
    expect(await left()).toEqual([0, 0, 0]);
    fails = false;
    await runTurn({ ...job, starts: 1, attempts: 1 }, deps, never);
    expect(await left()).toEqual([2, 1, 1]);
  });

  it("A2: acts on a revoked tool at the next call of the same turn", async () => {
    const { spine: opened, change } = await open();
    await using spine = opened;
    const none = await settingsOf({
      "agents.yaml": AGENTS.replace("config:", "allowed_tools: [first]\n    config:"),
    });
    const { calls, tools } = twoTools(() => change(none));
    const job = await queued(spine, message("first second"));
    await runTurn(job, depsOf(spine, tools), never);
    expect(calls).toEqual(["first"]);
  });

  it.each([
    ["tenant", { "tenants.yaml": "tenants: { acme: { active: false } }" }],
    ["agent", { "agents.yaml": AGENTS.replace("- id: ana", "- id: ana\n    active: false") }],
  ])(
    "T5: asks and does nothing more once its %s is switched off, and goes on when it is on",
    async (_what, off) => {
      const { spine: opened, change } = await open({ "tenants.yaml": "tenants: { acme: {} }" });
      await using spine = opened;
      const [on, none] = [
        spine.settings(),
        await settingsOf({
          "agents.yaml": AGENTS,
          "tenants.yaml": "tenants: { acme: {} }",
          ...off,
        }),
      ];
      const { calls, tools } = twoTools(() => change(none));
      const job = await queued(spine, message("first second"));
      const deps = depsOf(spine, tools);
      expect(await runTurn(job, deps, never)).toMatchObject({ kind: "retry" });
      expect(calls).toEqual(["first"]);
      expect(await spine.outbox.openForOperator()).toEqual([]);
      expect(await runTurn({ ...job, starts: 1 }, deps, never)).toEqual({ kind: "parked" });
      change(on);
      expect(await runTurn({ ...job, starts: 1 }, deps, never)).toMatchObject({ outcome: "ok" });
      expect(calls).toEqual(["first", "second"]);
      expect(await spine.outbox.openForOperator()).toHaveLength(1);
    },
  );

  it("R6: takes nothing of a limit for a call whose arguments are wrong", async () => {
    await using spine = (await open()).spine;
    const limited = tool("limited", () => Promise.resolve({ ok: true, text: "done" }));
    const deps = depsOf(spine, [limited]);
    for (const text of ['limited {"text": 1}', 'limited {"text": "a"}']) {
      await runTurn(await queued(spine, message(text)), deps, never);
    }
    const calls = await spine.store.read("SELECT outcome FROM tool_calls ORDER BY rowid");
    expect(calls.map(({ outcome }) => outcome)).toEqual(["invalid_args", "ok"]);
  });

  it("R6: puts a refused call on record with its marker", async () => {
    await using spine = (await open()).spine;
    const limited = tool("limited", () => Promise.resolve({ ok: true, text: "done" }));
    const deps = depsOf(spine, [limited]);
    await runTurn(await queued(spine, message("limited")), deps, never);
    await runTurn(await queued(spine, message("limited")), deps, never);
    const { events } = await spine.events.list({ account: "acme", kinds: ["rate_limited"] });
    expect(events.map(({ body }) => JSON.parse(body).marker)).toEqual([
      "rate_limited:tool=ext_app_limited,binding=webchat:acme,rps=0.001",
    ]);
  });

  it("A8: ends a model that never stops asking for tools with a reply, not with silence", async () => {
    await using spine = (await open()).spine;
    const again = tool("again", () => Promise.resolve({ ok: true, text: "more" }));
    const job = await queued(spine, message("go"));
    let id = 0;
    const result = await runTurn(
      job,
      depsOf(spine, [again], {
        ask: asking(() =>
          Promise.resolve({
            text: null,
            toolCalls: [{ id: `c${id++}`, name: "ext_app_again", arguments: {} }],
            usage: { inputTokens: 1, outputTokens: 1, cachedTokens: 0 },
            finishReason: "tool_calls",
          })
        ),
      }),
      never,
    );
    expect(result).toMatchObject({ kind: "finished", outcome: "error" });
    expect(result.kind === "finished" && result.error).toMatch(/^tool_loop/);
    expect(result.kind === "finished" && result.reply).not.toBeNull();
  });

  const usage = { inputTokens: 1, outputTokens: 0, cachedTokens: 0 };

  it("answers a person in words also when the model says nothing, and keeps a dead letter", async () => {
    await using spine = (await open()).spine;
    const job = await queued(spine, message("hello"));
    const ask = asking(() =>
      Promise.resolve({ text: " ", toolCalls: [], usage, finishReason: "content_filter" })
    );
    const result = await runTurn(job, depsOf(spine, [], { ask }), never);
    expect(result).toMatchObject({
      outcome: "error",
      error: expect.stringMatching(/^model_empty: .* a filter stopped it$/) as unknown,
      reply: expect.stringMatching(/^Sorry/) as unknown,
    });
    expect(await spine.deadLetters.listForOperator({ limit: 10 })).toMatchObject([
      { account_id: "acme", kind: "inbound", code: "model_empty" },
    ]);
  });

  it.each<[string, Partial<Inbound>, number]>([
    ["to a room", { chat: "group" }, 0],
    ["to a timer", { trigger: "timer" }, 0],
    ["after it has called a tool", {}, 1],
  ])("lets a model say nothing %s", async (_when, over, calls) => {
    await using spine = (await open()).spine;
    const done = tool("done", () => Promise.resolve({ ok: true, text: "done" }));
    const job = await queued(spine, { ...message("hello"), ...over });
    let asked = 0;
    const ask = asking(() => {
      const call = { id: "c", name: "ext_app_done", arguments: {} };
      const toolCalls = asked++ < calls ? [call] : [];
      return Promise.resolve({ text: "", toolCalls, usage, finishReason: "stop" });
    });
    expect(await runTurn(job, depsOf(spine, [done], { ask }), never)).toMatchObject({
      outcome: "ok",
      reply: "",
    });
  });

  it("gives up on a turn that takes longer than its agent allows", async () => {
    await using spine = (await open({
      "agents.yaml": AGENTS.replace("max_tool_iterations: 3", "turn_timeout_ms: 1000"),
    })).spine;
    const job = await queued(spine, message("wait for ever"));
    const deps = depsOf(spine, [], {
      ask: (_caller, _model, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        }),
    });
    const end = await runTurn({ ...job, attempts: 2, starts: 2 }, deps, never);
    expect(end.kind === "finished" && end.error).toMatch(/^turn_timeout: .*1000 ms/);
  });

  it.each([
    ["tenant is suspended", { "tenants.yaml": "tenants: { acme: { active: false } }" }],
    ["agent is not active", {
      "agents.yaml": AGENTS.replace("- id: ana", "- id: ana\n    active: false"),
    }],
  ])(
    "leaves a turn whose %s as it was, and runs it when that has changed",
    async (_what, files) => {
      const { spine: opened, change } = await open();
      await using spine = opened;
      const { settings } = spine;
      const before = settings();
      change(await settingsOf({ "agents.yaml": AGENTS, ...files }));
      const asked: string[] = [];
      const deps = depsOf(spine, [], {
        ask: asking((request) => {
          asked.push("model");
          return offlineModel(request);
        }),
      });
      const job = await queued(spine, message("hello"));
      expect(await runTurn(job, deps, never)).toEqual({ kind: "parked" });
      expect(asked).toEqual([]);
      expect((await spine.events.list({ account: "acme", after: 0 })).events).toEqual([]);
      expect(await spine.inbounds.openForOperator()).toMatchObject([{ turn_id: null, starts: 0 }]);
      change(before);
      expect(await runTurn(job, deps, never)).toMatchObject({ outcome: "ok" });
    },
  );

  it("keeps what is for an agent that is gone as a dead letter", async () => {
    const { spine: opened, change } = await open();
    await using spine = opened;
    change(await settingsOf({ "agents.yaml": AGENTS.replace("- id: ana", "- id: bea") }));
    const job = await queued(spine, message("hello"));
    expect(await runTurn(job, depsOf(spine, []), never)).toMatchObject({
      outcome: "refused",
      error: expect.stringMatching(/^agent_unknown/) as unknown,
    });
    expect(await spine.outbox.openForOperator()).toEqual([]);
    expect(await spine.deadLetters.listForOperator({ limit: 10 })).toMatchObject([
      { account_id: "acme", kind: "inbound", code: "agent_unknown" },
    ]);
  });

  it("T2: gives a tenant's contact no history of the same contact at another tenant", async () => {
    await using spine = (await open({
      "agents.yaml": AGENTS.replace(
        "[{ plugin: webchat, instance: acme }]",
        "[{ plugin: webchat, instance: acme }, { plugin: webchat, instance: globex }]",
      ),
    })).spine;
    const seen: number[] = [];
    const deps = depsOf(spine, [], {
      ask: asking((request) => {
        seen.push(request.messages.length);
        return offlineModel(request);
      }),
    });
    await runTurn(await queued(spine, message("from acme")), deps, never);
    const other = message("from globex");
    const globex: Inbound = {
      ...other,
      key: { ...KEY, account_id: "globex", instance: "globex" },
    };
    const job = await queued(spine, globex);
    await runTurn({ ...job, account: "globex" }, deps, never);
    await runTurn(await queued(spine, message("acme again")), deps, never);
    expect(seen).toEqual([1, 1, 3]);
  });
});

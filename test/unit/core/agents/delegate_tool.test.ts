import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createDelegateTool } from "../../../../core/agents/delegate_tool.ts";
import { policyOf } from "../../../../core/agents/policy.ts";
import { sessionIdOf } from "../../../../core/agents/session.ts";
import type { Tool } from "../../../../core/agents/tool_gate.ts";
import { runTurn } from "../../../../core/agents/turn.ts";
import type { TurnDeps } from "../../../../core/agents/turn_types.ts";
import type { CallMeta, ConversationKey } from "../../../../core/contract/mod.ts";
import { openConversations } from "../../../../core/conversations/conversations.ts";
import { historyReader } from "../../../../core/daemon/history.ts";
import { turnEndReader } from "../../../../core/daemon/record.ts";
import { conversationLimitsOf } from "../../../../core/daemon/rules.ts";
import { tailForAccount } from "../../../../core/record/turns.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine, type Spine, uuid } from "../../../support/spine.ts";
import { silentLog } from "../../../support/store.ts";
import { asking, depsOf, messageFrom, queued, tool, VISITOR } from "../../../support/turns.ts";
import { offlineModel } from "../../../../core/models/offline.ts";

const model = "model: { provider: offline, model: rules }";
const AGENTS = `
agents:
  - id: ana
    ${model}
    allowed_tools: [delegate, "note*"]
    inbound_bindings: [{ plugin: webchat, instance: acme }]
    tool_rate_limits: { patterns: { note_once: { rps: 0.001, burst: 1 } } }
  - id: bob
    description: Knows the stock.
    ${model}
    allowed_tools: [delegate, "*"]
  - id: cid
    ${model}
    allowed_tools: [note, delegate]
    accept_delegates_from: [bob]
  - id: dot
    tenant_id: globex
    ${model}
  - id: eve
    ${model}
    inbound_bindings: [{ plugin: webchat, instance: globex }]
  - id: fay
    active: false
    ${model}
`;
const never = new AbortController().signal;
const TASK: ConversationKey = {
  account_id: "acme",
  agent_id: "bob",
  channel: "delegation",
  instance: "ana",
  contact: sessionIdOf(VISITOR),
};

/** A message that makes the offline model hand a task on. */
const handing = (agent_id: string, task: string, more: object = {}): string =>
  `delegate ${JSON.stringify({ agent_id, task, ...more })}`;

/** A spine and turns whose tools are those given and `delegate`. */
async function open(
  tools: readonly Tool[],
  over: Partial<TurnDeps> = {},
  agents = AGENTS,
  afterTask: () => void = () => {},
) {
  const settings = await settingsOf({ "agents.yaml": agents });
  const spine = await openSpine(() => settings);
  const delegate = createDelegateTool({
    ...spine,
    history: historyReader(spine.transcripts),
    endOf: turnEndReader(spine.store),
    async run(job, signal) {
      const result = await runTurn(job, deps, signal);
      afterTask();
      return result;
    },
  });
  const deps: TurnDeps = depsOf(spine, [delegate, ...tools], over);
  return { spine, deps };
}

async function say(spine: Spine, deps: TurnDeps, text: string): Promise<string> {
  const end = await runTurn(await queued(spine, messageFrom(VISITOR, text)), deps, never);
  if (end.kind !== "finished") throw new Error(end.kind);
  return end.reply ?? end.error ?? "";
}

function noting(name: string, seen: CallMeta[] = []): Tool {
  return tool(name, (_args, { meta }) => {
    seen.push(meta);
    return Promise.resolve({ ok: true, text: `${name} done` });
  });
}

describe("delegate", () => {
  it("brings the other agent's answer, in the same tenant, as a turn of its own", async () => {
    const seen: CallMeta[] = [];
    const sends = (channel: string) => channel === "webchat";
    const { spine, deps } = await open([noting("note", seen)], { sends });
    await using _closed = spine;
    expect(await say(spine, deps, handing("bob", "note"))).toMatch(
      /delegate answered: .*note done/,
    );
    expect(seen).toMatchObject([{
      agent_id: "bob",
      session_id: sessionIdOf(TASK),
      nexo: {
        binding: { tenant_id: "acme", account_id: "acme", binding_id: "delegation:ana" },
        inbound: {
          kind: "inter_session",
          sender_id: "ana",
          origin_session_id: sessionIdOf(VISITOR),
        },
      },
    }]);
    const { turns } = await tailForAccount(spine.store, "acme");
    expect(turns.map(({ agent_id, trigger, outcome }) => [agent_id, trigger, outcome])).toEqual([
      ["ana", "channel", "ok"],
      ["bob", "delegation", "ok"],
    ]);
    expect(await spine.inbounds.openForOperator()).toEqual([]);
    expect(await spine.outbox.openForOperator()).toHaveLength(1);
  });

  it("tells the model whom it may ask, and the other one who asks", async () => {
    const prompts: string[] = [];
    const ask = asking((request) => {
      prompts.push(request.system);
      return offlineModel(request);
    });
    const { spine, deps } = await open([], { ask });
    await using _closed = spine;
    await say(spine, deps, handing("bob", "hello"));
    expect(prompts[0]).toContain("- bob: Knows the stock.");
    for (const hidden of ["cid", "dot", "eve", "fay", "- ana"]) {
      expect(prompts[0]).not.toContain(hidden);
    }
    expect(prompts.some((prompt) => prompt.includes('agent "ana" hands you'))).toBe(true);
  });

  it("A3: gives the other agent no tool that its caller may not use, nor any it has not itself", async () => {
    const { spine, deps } = await open([noting("note"), noting("note_two"), noting("other")]);
    await using _closed = spine;
    expect(await say(spine, deps, handing("bob", "note"))).toMatch(/note done/);
    expect(await say(spine, deps, handing("bob", "other"))).not.toMatch(/other done/);
    expect(await say(spine, deps, handing("bob", handing("cid", "note_two")))).not.toMatch(
      /two done/,
    );
    expect(await say(spine, deps, handing("bob", handing("cid", "note")))).toMatch(/note done/);
  });

  it("allows exactly what caller and callee both allow", async () => {
    const names = ["note", "note_add", "send", "send_drip", "delegate", "schedule"];
    const list = fc.uniqueArray(fc.constantFrom("*", "note*", "send_*", ...names), {
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(list, list, list, async (ana, bound, bob) => {
        const settings = await settingsOf({
          "agents.yaml": `
agents:
  - { id: ana, ${model}, allowed_tools: ${
            JSON.stringify(ana)
          }, inbound_bindings: [{ plugin: webchat, instance: acme, allowed_tools: ${
            JSON.stringify(bound)
          } }] }
  - { id: bob, ${model}, allowed_tools: ${JSON.stringify(bob)} }
`,
        });
        const verdicts = [
          policyOf(settings, VISITOR),
          policyOf(settings, { ...TASK }, [TASK]),
          policyOf(settings, TASK, [VISITOR]),
        ];
        const [caller, callee, both] = verdicts.map((verdict) => {
          if (verdict.kind === "refused") throw new Error(verdict.reason);
          return verdict.policy;
        });
        for (const name of names) {
          const asked = { name, ownName: name };
          expect(both?.allows(asked)).toBe(caller?.allows(asked) && callee?.allows(asked));
          expect(both?.names(name)).toBe(caller?.names(name) && callee?.names(name));
        }
      }),
      { numRuns: 25 },
    );
  });

  it("takes of the caller's limits, so that handing on is no way around them", async () => {
    const { spine, deps } = await open([noting("note_once")]);
    await using _closed = spine;
    expect(await say(spine, deps, handing("bob", "note_once"))).toMatch(/once done/);
    expect(await say(spine, deps, handing("bob", "note_once"))).toMatch(
      /rate_limited:tool=ext_app_note_once,binding=webchat:acme/,
    );
  });

  it.each([
    ["back to whom it came from", handing("bob", handing("ana", "hello")), /there are: cid/],
    ["to another tenant's agent", handing("dot", "hello"), /there are: bob/],
    ["to one that works for other tenants", handing("eve", "hello"), /there are: bob/],
    ["to one that is switched off", handing("fay", "hello"), /there are: bob/],
    ["to one that accepts others only", handing("cid", "hello"), /there are: bob/],
    ["to nobody", handing("nobody", "hello"), /there are: bob/],
  ])("hands nothing %s", async (_what, text, answer) => {
    const { spine, deps } = await open([]);
    await using _closed = spine;
    expect(await say(spine, deps, text)).toMatch(answer);
  });

  it("ends after a few hands", async () => {
    const ids = ["ana", "b1", "b2", "b3", "b4", "b5"];
    const agents = "agents:\n" +
      ids.map((id) =>
        `  - { id: ${id}, ${model}, allowed_tools: [delegate, "*"]${
          id === "ana" ? ", inbound_bindings: [{ plugin: webchat, instance: acme }]" : ""
        } }\n`
      ).join("");
    const { spine, deps } = await open([noting("note")], {}, agents);
    await using _closed = spine;
    const through = (count: number): string =>
      ids.slice(1, count + 1).reduceRight((task, id) => handing(id, task), "note");
    expect(await say(spine, deps, through(4))).toMatch(/note done/);
    expect(await say(spine, deps, through(5))).not.toMatch(/note done/);
  });

  it("A3: never waits for the place its caller holds, with one turn at once", async () => {
    const { spine, deps } = await open([noting("note")]);
    await using _closed = spine;
    const contacts = ["one", "two", "three"];
    const ended: string[] = [];
    let tell = (): void => undefined;
    const allEnded = new Promise<void>((resolve) => tell = resolve);
    await using conversations = openConversations({
      uuid,
      now: Date.now,
      log: silentLog,
      limits: { ...conversationLimitsOf(spine.settings), maxTurns: () => 1 },
      async runTurn(job, signal) {
        const end = await runTurn(job, deps, signal);
        if (end.kind !== "finished") throw new Error(end.kind);
        ended.push(end.reply ?? "");
        if (ended.length === contacts.length) tell();
        return { kind: "finished" };
      },
    });
    const text = handing("bob", handing("cid", "note"));
    for (const contact of contacts) {
      await queued(spine, messageFrom({ ...VISITOR, contact }, text));
    }
    conversations.push(await spine.inbounds.openForOperator());
    await allEnded;
    expect(ended.every((reply) => reply.includes("note done"))).toBe(true);
  });

  it("does a task once, whether the process dies in it or right after it", async () => {
    const crash = { in: new AbortController(), after: new AbortController() };
    let calls = 0;
    const note = tool("note", (_args, { signal }) => {
      calls++;
      if (calls === 1) crash.in.abort(new Error("dies in it"));
      signal.throwIfAborted();
      return Promise.resolve({ ok: true, text: "note done" });
    });
    let tasks = 0;
    const { spine, deps } = await open([note], {}, AGENTS, () => {
      tasks++;
      if (tasks > 1) return;
      crash.after.abort(new Error("dies after it"));
      throw crash.after.signal.reason;
    });
    await using _closed = spine;
    const job = await queued(spine, messageFrom(VISITOR, handing("bob", "note")));
    await expect(runTurn(job, deps, crash.in.signal)).rejects.toThrow("dies in it");
    expect(await spine.inbounds.openForOperator()).toHaveLength(1);
    const again = { ...job, starts: 1 };
    await expect(runTurn(again, deps, crash.after.signal)).rejects.toThrow("dies after it");
    const end = await runTurn({ ...job, starts: 2 }, deps, never);
    expect(end.kind === "finished" && end.reply).toMatch(/delegate answered: .*note done/);
    expect([calls, tasks]).toEqual([2, 1]);
    expect((await tailForAccount(spine.store, "acme")).turns).toHaveLength(2);
  });

  it("leaves no task behind whose caller is not at work any more", async () => {
    const crash = new AbortController();
    const note = tool("note", (_args, { signal }) => {
      crash.abort(new Error("dies in it"));
      signal.throwIfAborted();
      return Promise.resolve({ ok: true, text: "note done" });
    });
    const { spine, deps } = await open([note]);
    await using _closed = spine;
    const job = await queued(spine, messageFrom(VISITOR, handing("bob", "note")));
    await expect(runTurn(job, deps, crash.signal)).rejects.toThrow("dies in it");
    const left = () =>
      spine.store.read("SELECT 1 FROM inbounds WHERE trigger = 'delegation' AND state <> 'dead'");
    await spine.store.commit(spine.inbounds.rowsForOrphansForOperator());
    expect(await left()).toHaveLength(1);
    const { turnId, inboundIds: ids } = job;
    await spine.store.commit(
      spine.inbounds.rowsForDone({ account: "acme", turnId, starts: 1, ids }),
    );
    await spine.store.commit(spine.inbounds.rowsForOrphansForOperator());
    expect(await left()).toEqual([]);
  });

  it("tells its caller in time that a task takes too long", async () => {
    const waits = tool(
      "note",
      (_args, { signal }) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason as Error))
        ),
    );
    const { spine, deps } = await open([waits]);
    await using _closed = spine;
    expect(await say(spine, deps, handing("bob", "note", { timeout_secs: 1 }))).toMatch(
      /the task was not done: turn_timeout/,
    );
    expect(await spine.deadLetters.listForOperator({ limit: 10 })).toEqual([]);
  });

  it("stops when a person takes over the conversation it is for", async () => {
    let taken = false;
    const note = tool("note", () => {
      taken = true;
      return Promise.resolve({ ok: true, text: "note done" });
    });
    const takeover: TurnDeps["takeover"] = {
      holds: (key) => taken && key.channel === "webchat",
      hold: () => Promise.resolve(true),
    };
    const { spine, deps } = await open([note, noting("note_two")], { takeover });
    await using _closed = spine;
    const job = await queued(spine, messageFrom(VISITOR, handing("bob", "note note_two")));
    expect((await runTurn(job, deps, never)).kind).toBe("held");
    const calls = await spine.store.read("SELECT tool FROM tool_calls ORDER BY at_ms");
    expect(calls.map(({ tool: name }) => name)).not.toContain("ext_app_note_two");
  });
});

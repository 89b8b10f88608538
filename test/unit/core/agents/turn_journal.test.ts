/**
 * What is on disk of a turn at which moment, and what a run that broke off leaves to the next.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { runTurn } from "../../../../core/agents/turn.ts";
import type { AskModel } from "../../../../core/models/model.ts";
import { offlineModel } from "../../../../core/models/offline.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine, type Spine } from "../../../support/spine.ts";
import { asking, depsOf, messageFrom, queued, tool, VISITOR } from "../../../support/turns.ts";

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: acme }]
`;
const never = new AbortController().signal;
const free = asking(offlineModel);

async function open(): Promise<Spine> {
  const settings = await settingsOf({ "agents.yaml": AGENTS });
  return openSpine(() => settings);
}

/** What of the only turn is on disk: how its message stands, the steps of its journal, its events. */
async function onDisk({ store }: Pick<Spine, "store">) {
  const [inbound] = await store.read("SELECT state, starts FROM inbounds");
  const [steps] = await store.read("SELECT count(*) AS count FROM turn_steps");
  const events = await store.read<{ kind: string }>("SELECT kind FROM agent_events ORDER BY id");
  return { ...inbound, steps: steps?.["count"], events: events.map(({ kind }) => kind).join() };
}

describe("a turn under way", () => {
  it("has its begin and the model's answer on disk when the tool is called, and the result when a provider is asked", async () => {
    await using spine = await open();
    const seen: unknown[] = [];
    const note = tool("note", async () => {
      seen.push(await onDisk(spine));
      return { ok: true, text: "noted" };
    });
    // As a call that leaves this machine: the ledger's row is on disk before it.
    const ask: AskModel = async (caller, ...question) => {
      await caller.commit([]);
      seen.push(await onDisk(spine));
      return { ...await free(caller, ...question), free: false };
    };
    const job = await queued(spine, messageFrom(VISITOR, "note"));
    expect(await runTurn(job, depsOf(spine, [note], { ask }), never)).toMatchObject({
      outcome: "ok",
    });
    expect(seen).toEqual([
      { state: "running", starts: 1, steps: 0, events: "turn_started" },
      { state: "running", starts: 1, steps: 1, events: "turn_started" },
      { state: "running", starts: 1, steps: 2, events: "turn_started,tool_called" },
    ]);
    expect(await onDisk(spine)).toMatchObject({ state: "done", starts: 1, steps: 0 });
  });

  it("has a tool's result on disk when a hook hears of it", async () => {
    await using spine = await open();
    const note = tool("note", () => Promise.resolve({ ok: true, text: "noted" }));
    const seen: unknown[] = [];
    const deps = depsOf(spine, [note], {
      hooks: {
        hasHooks: (point) => point === "after_tool_call",
        async runHook(_point, params) {
          seen.push(await onDisk(spine));
          return { blocked: null, failed: null, params, effects: [], mute: null };
        },
      },
    });
    await runTurn(await queued(spine, messageFrom(VISITOR, "note")), deps, never);
    expect(seen).toEqual([{
      state: "running",
      starts: 1,
      steps: 2,
      events: "turn_started,tool_called",
    }]);
  });

  it.each([["nothing but words", "hello", 1], ["one tool", "note", 2], ["two", "note again", 3]])(
    "that comes to %s makes no more commits than it has tools, and one",
    async (_what, text, commits) => {
      await using spine = await open();
      let units = 0;
      // Each leaves an event at least, and nobody else commits.
      using _counting = { [Symbol.dispose]: spine.store.onAppended(() => void units++) };
      const tools = ["note", "again"].map((name) =>
        tool(name, () => Promise.resolve({ ok: true, text: "done" }))
      );
      const job = await queued(spine, messageFrom(VISITOR, text));
      expect(await runTurn(job, depsOf(spine, tools), never)).toMatchObject({ outcome: "ok" });
      expect(units).toBe(commits);
      expect(await onDisk(spine)).toMatchObject({ state: "done", starts: 1, steps: 0 });
    },
  );
});

describe("a run that broke off", () => {
  it("leaves what it had finished, also what nothing had followed yet", async () => {
    await using spine = await open();
    let calls = 0;
    const note = tool("note", () => Promise.resolve({ ok: true, text: `noted ${++calls}` }));
    const stop = new AbortController();
    const ask: AskModel = (caller, model, request) => {
      if (request.messages.at(-1)?.role !== "tool") return free(caller, model, request);
      stop.abort(new Error("stopped here"));
      return Promise.reject(stop.signal.reason as Error);
    };
    const job = await queued(spine, messageFrom(VISITOR, "note"));
    await expect(runTurn(job, depsOf(spine, [note], { ask }), stop.signal)).rejects.toThrow(
      "stopped here",
    );
    expect(await onDisk(spine)).toMatchObject({ state: "running", steps: 2 });
    const again = { ...job, starts: 1 };
    expect(await runTurn(again, depsOf(spine, [note]), never)).toMatchObject({
      reply: "note answered: noted 1",
    });
    expect(calls).toBe(1);
  });

  it("counts from the first thing it keeps, and at once where an earlier process may have begun it", async () => {
    await using spine = await open();
    const seen: unknown[] = [];
    const ask: AskModel = async (...question) => {
      seen.push(await onDisk(spine));
      return free(...question);
    };
    const deps = depsOf(spine, [], { ask });
    const job = await queued(spine, messageFrom(VISITOR, "hello"));
    await runTurn({ ...job, recovered: true }, deps, never);
    expect(seen).toEqual([{ state: "running", starts: 1, steps: 0, events: "turn_started" }]);
  });

  it("does not stand in its own way when a step of it cannot be written", async () => {
    await using spine = await open();
    let calls = 0;
    const broken = { type: "insert", table: "meta", row: { key: "epoch", value: null } } as const;
    const note = tool("note", () => {
      calls++;
      return Promise.resolve({ ok: true, text: "noted", writes: calls === 1 ? [broken] : [] });
    });
    const job = await queued(spine, messageFrom(VISITOR, "note"));
    const deps = depsOf(spine, [note]);
    expect(await runTurn(job, deps, never)).toMatchObject({ kind: "retry" });
    expect(await onDisk(spine)).toMatchObject({ state: "queued", starts: 1, steps: 1 });
    expect(await runTurn({ ...job, attempts: 1, starts: 1 }, deps, never)).toMatchObject({
      outcome: "ok",
    });
    expect(calls).toBe(2);
  });
});

import { describe, expect, it } from "vitest";
import type { Tool } from "../../../../core/agents/tool_gate.ts";
import { runTurn } from "../../../../core/agents/turn.ts";
import { insert } from "../../../../core/store/store.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine, type Spine } from "../../../support/spine.ts";
import { asking, depsOf, messageFrom, queued, tool, VISITOR } from "../../../support/turns.ts";
import { offlineModel } from "../../../../core/models/offline.ts";

const never = new AbortController().signal;

const agents = (allowed: string, binding = "") => `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    allowed_tools: ${allowed}
    inbound_bindings: [{ plugin: webchat, instance: acme${binding} }]
`;

/** A built-in tool that notes its calls in a table of the store. */
const ring: Tool = {
  name: "ring",
  ownName: "ring",
  microappId: undefined,
  account: null,
  description: "Rings.",
  inputSchema: { type: "object" },
  call: (_args, { callId }) =>
    Promise.resolve({
      ok: true,
      text: "rung",
      writes: [insert("meta", { key: callId, value: "ring" })],
    }),
};

async function spineOf(allowed: string, binding?: string): Promise<Spine> {
  const settings = await settingsOf({ "agents.yaml": agents(allowed, binding) });
  return openSpine(() => settings);
}

async function offered(allowed: string, binding?: string): Promise<string[]> {
  await using spine = await spineOf(allowed, binding);
  const names: string[] = [];
  const ask = asking((request) => {
    names.push(...request.tools.map(({ name }) => name));
    return offlineModel(request);
  });
  const note = tool("note", () => Promise.resolve({ ok: true, text: "" }));
  await runTurn(
    await queued(spine, messageFrom(VISITOR, "hello")),
    depsOf(spine, [ring, note], { ask }),
    never,
  );
  return names;
}

describe("a built-in tool", () => {
  it.each([
    ["[]", undefined, ["ext_app_note"]],
    ['["*"]', undefined, ["ext_app_note"]],
    ['["ri*"]', undefined, []],
    ["[ring]", undefined, ["ring"]],
    ['["*", ring]', undefined, ["ring", "ext_app_note"]],
    ["[ring]", ", allowed_tools: []", ["ext_app_note"]],
    ["[]", ", allowed_tools: [ring]", ["ring"]],
  ])("is offered only where it is named: %s%s", async (allowed, binding, names) => {
    expect(await offered(allowed, binding)).toEqual(names);
  });

  it("is not run for a model that names it unasked", async () => {
    await using spine = await spineOf("[]");
    let answers = 0;
    const ask = asking(() =>
      Promise.resolve({
        text: answers === 0 ? null : "done",
        toolCalls: answers++ === 0 ? [{ id: "c", name: "ring", arguments: {} }] : [],
        usage: { inputTokens: 1, outputTokens: 1, cachedTokens: 0 },
        finishReason: "stop" as const,
      })
    );
    const job = await queued(spine, messageFrom(VISITOR, "hello"));
    await runTurn(job, depsOf(spine, [ring], { ask }), never);
    expect(await spine.store.read("SELECT 1 FROM meta WHERE value = 'ring'")).toEqual([]);
    expect(await spine.store.read("SELECT outcome FROM tool_calls")).toEqual([
      { outcome: "not_allowed" },
    ]);
  });

  it("leaves its rows with the step, once, also when the turn runs again", async () => {
    await using spine = await spineOf('["*", ring]');
    const crash = new AbortController();
    const dies = tool("dies", (_args, { signal }) => {
      if (!crash.signal.aborted) crash.abort(new Error("the process dies here"));
      signal.throwIfAborted();
      return Promise.resolve({ ok: true, text: "alive" });
    });
    const job = await queued(spine, messageFrom(VISITOR, "ring dies"));
    const deps = depsOf(spine, [ring, dies]);
    await expect(runTurn(job, deps, crash.signal)).rejects.toThrow("dies here");
    const rung = () => spine.store.read("SELECT key FROM meta WHERE value = 'ring'");
    expect(await rung()).toHaveLength(1);
    expect(await runTurn({ ...job, starts: 1 }, deps, never)).toMatchObject({ outcome: "ok" });
    expect(await rung()).toHaveLength(1);
  });
});

import { describe, expect, it } from "vitest";
import type { ToolContext } from "../../../../core/agents/tool_gate.ts";
import type { TurnDeps } from "../../../../core/agents/turn_types.ts";
import type { Inbound } from "../../../../core/contract/mod.ts";
import type { Place } from "../../../../core/conversations/places.ts";
import { createPlacedDeps } from "../../../../core/daemon/away.ts";

const TURN = "turn-1";

/** What a turn may wait for, each telling whether the turn was in its place then. */
function open() {
  const heard: string[] = [];
  let isHeld = true;
  const hear = (what: string) => () => {
    heard.push(`${what} ${isHeld ? "in place" : "away"}`);
    return Promise.resolve({});
  };
  const tools = [{ name: "note", call: hear("tool") }];
  const place: Place = {
    async away(work) {
      isHeld = false;
      try {
        return await work();
      } finally {
        isHeld = true;
      }
    },
    [Symbol.dispose]: () => undefined,
  };
  const deps = {
    ask: hear("model"),
    tools: () => tools,
    hooks: { hasHooks: () => true, runHook: hear("hook") },
    files: { gather: hear("files"), load: hear("load") },
  } as unknown as TurnDeps;
  const placed = createPlacedDeps(deps, new Map([[TURN, place]]));
  return { heard, deps: placed(place), again: placed(place) };
}

function inboundWith(...kinds: string[]): Inbound {
  return { parts: kinds.map((kind) => ({ kind })) } as unknown as Inbound;
}

describe("createPlacedDeps()", () => {
  it("is away while a model, a tool, a hook or a file from elsewhere is waited for", async () => {
    const { heard, deps } = open();
    const { signal } = new AbortController();
    const commit = () => Promise.resolve();
    const caller = { account: "acme", agentId: "ana", turnId: TURN, commit };
    await deps.ask(caller, {} as never, {} as never);
    await deps.tools()[0]?.call({}, { turnId: TURN } as ToolContext);
    await deps.hooks.runHook("before_message", {}, {} as never);
    await deps.files.gather([inboundWith("text"), inboundWith("text", "media")], signal);
    await deps.files.gather([inboundWith("text")], signal);
    await deps.files.load(inboundWith(), []);
    expect(heard).toEqual([
      "model away",
      "tool away",
      "hook away",
      "files away",
      "files in place",
      "load in place",
    ]);
  });

  it("gives the same list of tools as long as there are the same", () => {
    const { deps, again } = open();
    expect(deps.tools()).toBe(again.tools());
  });
});

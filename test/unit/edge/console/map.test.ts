import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FlowTurn } from "../../../../edge/console/page/flow_turn.ts";
import type { WorkCard } from "../../../../edge/console/page/flow.ts";
import { mapOf, MAX_NODES, STAGES } from "../../../../edge/console/page/map.ts";

function turn(turnId: string, given: Partial<FlowTurn> = {}): FlowTurn {
  return {
    turnId,
    agentId: "ana",
    bindingId: "webchat:acme",
    trigger: "channel",
    attempt: 1,
    startedAtMs: 1,
    end: { outcome: "ok", error: null, tokens: 1, durationMs: 1, atMs: 2 },
    calls: [],
    entries: [],
    sends: [],
    ...given,
  };
}

function card(key: string, turns: readonly FlowTurn[], sourceId?: string): WorkCard {
  return {
    kind: "work",
    key,
    atMs: 1,
    tenant: "acme",
    delivery: sourceId === undefined
      ? null
      : { envelopeId: key, deliveryId: null, sourceId, eventKind: "push", inbounds: 1 },
    turns,
  };
}

const call = (tool: string, outcome = "ok") => ({
  callId: `c-${tool}`,
  tool,
  outcome,
  durationMs: 1,
  atMs: 1,
});
const send = (line: string, state: "sent" | "failed" = "sent") => ({
  outboundId: `o-${line}`,
  line,
  state,
  reason: null,
  atMs: 2,
});

describe("mapOf()", () => {
  it("follows work from where it comes to where it goes, through the tools that were used", () => {
    const { stages, links } = mapOf([
      card("1", [turn("t1", { calls: [call("note", "timeout")], sends: [send("webchat:acme")] })]),
      card("2", [turn("t2", { end: null })], "github"),
      card("3", [turn("t3", { sends: [send("webchat:acme", "failed")] })]),
      { kind: "gap", key: "g", atMs: 1 },
    ]);
    expect(stages.in.map(({ name, count }) => [name, count])).toEqual([
      ["webchat:acme", 2],
      ["github", 1],
    ]);
    expect(stages.agent).toMatchObject([{ name: "ana", count: 3, bad: 0, busy: 1 }]);
    expect(stages.tool).toMatchObject([{ name: "note", count: 1, bad: 1 }]);
    expect(stages.out).toMatchObject([{ name: "webchat:acme", count: 2, bad: 1 }]);
    expect(links.map(({ id, count, bad }) => [id, count, bad])).toEqual([
      ["in webchat:acme > agent ana", 2, 0],
      ["agent ana > tool note", 1, 1],
      ["tool note > out webchat:acme", 1, 0],
      ["in github > agent ana", 1, 0],
      ["agent ana > out webchat:acme", 1, 1],
    ]);
  });

  it("folds what is too much into one place, and neither loses nor adds anything", () => {
    const names = fc.array(fc.string({ minLength: 1, maxLength: 3 }), { maxLength: 30 });
    fc.assert(fc.property(names, (tools) => {
      const cards = tools.map((tool, i) =>
        card(`${i}`, [turn(`t${i}`, { agentId: `a${i % 9}`, calls: [call(tool)] })])
      );
      const { stages, links } = mapOf(cards);
      for (const stage of STAGES) expect(stages[stage].length).toBeLessThanOrEqual(MAX_NODES);
      const sum = stages.tool.reduce((total, { count }) => total + count, 0);
      expect(sum).toBe(tools.length);
      const shown = new Set(STAGES.flatMap((stage) => stages[stage].map(({ id }) => id)));
      for (const { from, to } of links) expect(shown.has(from) && shown.has(to)).toBe(true);
      const through = links.filter(({ to }) => to.startsWith("tool "));
      expect(through.reduce((total, { count }) => total + count, 0)).toBe(tools.length);
    }));
  });
});

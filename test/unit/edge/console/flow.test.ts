import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AgentEvent } from "../../../../core/contract/mod.ts";
import { heardBy, replyOf } from "../../../../edge/console/page/flow_turn.ts";
import { createFlow, MAX_CARDS } from "../../../../edge/console/page/flow.ts";

const ENVELOPE = "01900000-0000-7000-8000-000000000001";
const TURNS = ["01900000-0000-7000-8000-00000000000a", "01900000-0000-7000-8000-00000000000b"];

/** One delivery that became a turn of two agents each, and a turn that a message started. */
function story(): AgentEvent[] {
  const turn = (
    turn_id: string,
    agent_id: string,
    envelope_id: string | undefined,
  ): AgentEvent[] => {
    const where = { agent_id, session_id: turn_id, turn_id, tenant_id: "acme" };
    const origin = envelope_id === undefined ? {} : { envelope_id, delivery_id: "d-1" };
    const binding_id = "event:github";
    return [
      {
        kind: "turn_started",
        ...where,
        ...origin,
        binding_id,
        trigger: "event",
        attempt: 1,
        at_ms: 20,
      },
      {
        kind: "tool_called",
        ...where,
        call_id: `${turn_id}-1`,
        tool: "a",
        outcome: "ok",
        duration_ms: 1,
        at_ms: 30,
      },
      {
        kind: "tool_called",
        ...where,
        call_id: `${turn_id}-2`,
        tool: "b",
        outcome: "timeout",
        duration_ms: 1,
        at_ms: 30,
      },
      {
        kind: "transcript_appended",
        ...where,
        seq: 0,
        role: "user",
        body: "do",
        sent_at_ms: 10,
        source_plugin: "event",
      },
      {
        kind: "transcript_appended",
        ...where,
        seq: 1,
        role: "assistant",
        body: "done",
        sent_at_ms: 40,
        source_plugin: "event",
      },
      {
        kind: "turn_finished",
        ...where,
        ...origin,
        binding_id,
        outcome: "ok",
        tokens_in: 3,
        tokens_out: 4,
        tool_calls: 2,
        duration_ms: 25,
        at_ms: 45,
      },
    ];
  };
  return [
    {
      kind: "webhook_accepted",
      source_id: "github",
      event_kind: "push",
      envelope_id: ENVELOPE,
      delivery_id: "d-1",
      inbounds: 2,
      at_ms: 12,
      tenant_id: "acme",
    },
    ...turn(TURNS[0] ?? "", "ana", ENVELOPE),
    ...turn(TURNS[1] ?? "", "bo", ENVELOPE),
    ...turn("01900000-0000-7000-8000-00000000000c", "ana", undefined),
    { kind: "microapp_state", microapp_id: "notebook", state: "ready", at_ms: 5 },
  ];
}

function cardsOf(events: readonly AgentEvent[]) {
  const flow = createFlow();
  for (const event of events) flow.add(event);
  return flow.cards();
}

describe("createFlow", () => {
  it("gives the same cards for events in any order, however often they come", () => {
    const events = story();
    const expected = cardsOf(events);
    expect(expected.map(({ kind }) => kind)).toEqual(["work", "work", "microapp"]);
    const [delivery] = expected.filter(({ key }) => key === ENVELOPE);
    expect(delivery).toMatchObject({ kind: "work", tenant: "acme", atMs: 12 });
    fc.assert(
      fc.property(
        fc.shuffledSubarray(events, { minLength: events.length }),
        fc.array(fc.constantFrom(...events)),
        (shuffled, again) => {
          expect(cardsOf([...shuffled, ...again])).toEqual(expected);
        },
      ),
    );
  });

  it("puts both turns of a delivery on its card, with what was heard and answered", () => {
    const card = cardsOf(story()).find(({ key }) => key === ENVELOPE);
    if (card?.kind !== "work") throw new Error("there is no such card");
    expect(card.turns.map(({ agentId }) => agentId)).toEqual(["ana", "bo"]);
    for (const turn of card.turns) {
      expect(turn.calls.map(({ tool, outcome }) => `${tool} ${outcome}`)).toEqual([
        "a ok",
        "b timeout",
      ]);
      expect([heardBy(turn), replyOf(turn)]).toEqual(["do", "done"]);
    }
  });

  it("keeps the newest and a bounded number", () => {
    const flow = createFlow();
    for (let i = 0; i < MAX_CARDS * 5; i++) {
      flow.add({ kind: "microapp_state", microapp_id: `m${i}`, state: "ready", at_ms: i });
    }
    const cards = flow.cards();
    expect(cards).toHaveLength(MAX_CARDS);
    expect(cards[0]).toMatchObject({ microappId: `m${MAX_CARDS * 5 - 1}` });
  });

  it("does not redraw what did not change", () => {
    const flow = createFlow();
    for (const event of story()) flow.add(event);
    const before = flow.cards();
    flow.add({ kind: "microapp_state", microapp_id: "notebook", state: "stopped", at_ms: 99 });
    expect(flow.cards().slice(1)).toEqual(before);
    expect(flow.cards().slice(1).every((card, i) => card === before[i])).toBe(true);
  });
});

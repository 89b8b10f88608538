/**
 * Events put together to what an operator watches: a delivery, the turns it became, what they did.
 *
 * Events may come twice and in any order, because the past is read beside the live stream; the result
 * is the same.
 *
 * @module
 */
import type { AgentEvent } from "../../../core/contract/mod.ts";

/** One tool call of a turn. */
export interface FlowCall {
  readonly callId: string;
  readonly tool: string;
  readonly outcome: string;
  readonly durationMs: number;
  readonly atMs: number;
}

/** One thing said in a turn; redacted. */
export interface FlowEntry {
  readonly seq: number;
  readonly role: string;
  readonly body: string;
  readonly atMs: number;
}

/** One message a turn sent, or could not. */
export interface FlowSend {
  readonly outboundId: string;
  /** `<channel>:<instance>` */
  readonly line: string;
  readonly state: "sent" | "failed";
  readonly reason: string | null;
  readonly atMs: number;
}

/** How a turn ended. */
export interface FlowEnd {
  readonly outcome: "ok" | "error" | "refused";
  readonly error: string | null;
  readonly tokens: number;
  readonly durationMs: number;
  readonly atMs: number;
}

/** One turn. Every part but its id may not have been heard of yet. */
export interface FlowTurn {
  readonly turnId: string;
  readonly agentId: string;
  readonly bindingId: string | null;
  readonly trigger: string | null;
  readonly attempt: number;
  readonly startedAtMs: number | null;
  readonly end: FlowEnd | null;
  readonly calls: readonly FlowCall[];
  readonly entries: readonly FlowEntry[];
  readonly sends: readonly FlowSend[];
}

/** The webhook a card began with. */
export interface FlowDelivery {
  readonly envelopeId: string;
  readonly deliveryId: string | null;
  readonly sourceId: string;
  readonly eventKind: string;
  readonly inbounds: number;
}

/** One line of the live page. */
export type FlowCard =
  | {
    readonly kind: "work";
    readonly key: string;
    readonly atMs: number;
    readonly tenant: string;
    /** Null for what did not begin with a webhook, or while that has not been heard of. */
    readonly delivery: FlowDelivery | null;
    readonly turns: readonly FlowTurn[];
  }
  | {
    readonly kind: "microapp";
    readonly key: string;
    readonly atMs: number;
    readonly microappId: string;
    readonly state: string;
    readonly reason: string | null;
  }
  | { readonly kind: "gap"; readonly key: string; readonly atMs: number };

/** A card that is work. */
export type WorkCard = Extract<FlowCard, { kind: "work" }>;

/** What was heard, as cards. */
export interface Flow {
  readonly add: (event: AgentEvent) => void;
  /** History is missing before `atMs`. */
  readonly addGap: (key: string, atMs: number) => void;
  /** The newest first; a card that did not change is the same object as before. */
  readonly cards: () => readonly FlowCard[];
}

/** Cards kept at most; the oldest go. */
export const MAX_CARDS = 200;

type TurnEvent = Extract<
  AgentEvent,
  {
    kind:
      | "turn_started"
      | "turn_finished"
      | "tool_called"
      | "transcript_appended"
      | "outbound_sent"
      | "outbound_failed";
  }
>;

/** Builds an empty flow. */
export function createFlow(): Flow {
  const cards = new Map<string, FlowCard>();
  /** The card a turn is on. */
  const cardOfTurn = new Map<string, string>();

  function put(card: FlowCard): void {
    cards.set(card.key, card);
    if (cards.size > MAX_CARDS * 2) trim();
  }

  function trim(): void {
    for (const { key } of newestFirst(cards.values()).slice(MAX_CARDS)) cards.delete(key);
    for (const [turnId, key] of cardOfTurn) if (!cards.has(key)) cardOfTurn.delete(turnId);
  }

  function workAt(key: string): WorkCard | undefined {
    const card = cards.get(key);
    return card?.kind === "work" ? card : undefined;
  }

  function addDelivery(event: Extract<AgentEvent, { kind: "webhook_accepted" }>): void {
    const { envelope_id: key } = event;
    const known = workAt(key);
    put({
      kind: "work",
      key,
      atMs: event.at_ms,
      tenant: event.tenant_id ?? known?.tenant ?? "",
      delivery: {
        envelopeId: key,
        deliveryId: event.delivery_id,
        sourceId: event.source_id,
        eventKind: event.event_kind,
        inbounds: event.inbounds,
      },
      turns: known?.turns ?? [],
    });
  }

  /** The turn so far, taken off a card that it turns out not to belong to. */
  function takeTurn(event: TurnEvent, turnId: string): { key: string; turn: FlowTurn | undefined } {
    const knownKey = cardOfTurn.get(turnId);
    const envelopeId = "envelope_id" in event && typeof event.envelope_id === "string"
      ? event.envelope_id
      : undefined;
    const key = envelopeId ?? knownKey ?? `turn:${turnId}`;
    const known = knownKey === undefined ? undefined : workAt(knownKey);
    const turn = known?.turns.find((one) => one.turnId === turnId);
    if (knownKey !== undefined && knownKey !== key) cards.delete(knownKey);
    cardOfTurn.set(turnId, key);
    return { key, turn };
  }

  function addToTurn(event: TurnEvent): void {
    const { turn_id: turnId } = event;
    if (turnId === undefined) return;
    const { key, turn } = takeTurn(event, turnId);
    const next = grown(turn ?? newTurn(turnId, event.agent_id), event);
    const card = workAt(key);
    const turns = [...(card?.turns ?? []).filter((one) => one.turnId !== turnId), next].sort((
      a,
      b,
    ) => a.turnId < b.turnId ? -1 : 1);
    put({
      kind: "work",
      key,
      atMs: card?.delivery == null ? earliest(turns) : card.atMs,
      tenant: card?.tenant || event.tenant_id || "",
      delivery: card?.delivery ?? null,
      turns,
    });
  }

  function addMicroapp(event: Extract<AgentEvent, { kind: "microapp_state" }>): void {
    put({
      kind: "microapp",
      key: `microapp:${event.microapp_id}:${event.at_ms}:${event.state}`,
      atMs: event.at_ms,
      microappId: event.microapp_id,
      state: event.state,
      reason: event.reason ?? null,
    });
  }

  return {
    add(event) {
      if (event.kind === "webhook_accepted") addDelivery(event);
      else if (event.kind === "microapp_state") addMicroapp(event);
      else if (isOfTurn(event)) addToTurn(event);
    },
    addGap: (key, atMs) => put({ kind: "gap", key: `gap:${key}`, atMs }),
    cards: () => newestFirst(cards.values()).slice(0, MAX_CARDS),
  };
}

/** Kinds of which nothing is shown here have pages of their own. */
function isOfTurn(event: AgentEvent): event is TurnEvent {
  return event.kind === "turn_started" || event.kind === "turn_finished" ||
    event.kind === "tool_called" || event.kind === "transcript_appended" ||
    event.kind === "outbound_sent" || event.kind === "outbound_failed";
}

function newTurn(turnId: string, agentId: string): FlowTurn {
  return {
    turnId,
    agentId,
    bindingId: null,
    trigger: null,
    attempt: 1,
    startedAtMs: null,
    end: null,
    calls: [],
    entries: [],
    sends: [],
  };
}

function grown(turn: FlowTurn, event: TurnEvent): FlowTurn {
  switch (event.kind) {
    case "turn_started":
      return {
        ...turn,
        bindingId: event.binding_id,
        trigger: event.trigger,
        attempt: Math.max(turn.attempt, event.attempt),
        startedAtMs: Math.min(turn.startedAtMs ?? event.at_ms, event.at_ms),
      };
    case "turn_finished":
      return {
        ...turn,
        bindingId: event.binding_id,
        end: {
          outcome: event.outcome,
          error: event.error ?? null,
          tokens: event.tokens_in + event.tokens_out,
          durationMs: event.duration_ms,
          atMs: event.at_ms,
        },
      };
    case "tool_called": {
      const { call_id: callId, tool, outcome, duration_ms: durationMs, at_ms: atMs } = event;
      if (turn.calls.some((one) => one.callId === callId)) return turn;
      const calls = [...turn.calls, { callId, tool, outcome, durationMs, atMs }];
      return { ...turn, calls: calls.sort((a, b) => a.atMs - b.atMs || order(a.callId, b.callId)) };
    }
    case "transcript_appended": {
      const { seq, role, body, sent_at_ms: atMs } = event;
      if (turn.entries.some((one) => one.seq === seq)) return turn;
      const entries = [...turn.entries, { seq, role, body, atMs }];
      return { ...turn, entries: entries.sort((a, b) => a.seq - b.seq) };
    }
    case "outbound_sent":
    case "outbound_failed": {
      const { outbound_id: outboundId, channel, instance, at_ms: atMs } = event;
      const send: FlowSend = {
        outboundId,
        line: `${channel}:${instance}`,
        state: event.kind === "outbound_sent" ? "sent" : "failed",
        reason: event.kind === "outbound_failed" ? event.reason : null,
        atMs,
      };
      const known = turn.sends.find((one) => one.outboundId === outboundId);
      // A dead letter that was replayed has failed before and is sent now.
      if (known !== undefined && known.atMs >= atMs) return turn;
      const sends = [...turn.sends.filter((one) => one !== known), send];
      return {
        ...turn,
        sends: sends.sort((a, b) => a.atMs - b.atMs || order(a.outboundId, b.outboundId)),
      };
    }
  }
}

/** What the agent said last, if anything. */
export function replyOf({ entries }: FlowTurn): string | undefined {
  return entries.findLast(({ role, body }) => role === "assistant" && body !== "")?.body;
}

/** What the agent was told first, if that is known already. */
export function heardBy({ entries }: FlowTurn): string | undefined {
  return entries.find(({ role, body }) => role === "user" && body !== "")?.body;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function newestFirst(cards: Iterable<FlowCard>): FlowCard[] {
  return [...cards].sort((a, b) => b.atMs - a.atMs || order(b.key, a.key));
}

/** When the first of several turns was heard of. */
function earliest(turns: readonly FlowTurn[]): number {
  return Math.min(...turns.flatMap((turn) => [
    ...(turn.startedAtMs === null ? [] : [turn.startedAtMs]),
    ...(turn.end === null ? [] : [turn.end.atMs - turn.end.durationMs]),
    ...turn.calls.map(({ atMs, durationMs }) => atMs - durationMs),
    ...turn.entries.map(({ atMs }) => atMs),
    ...turn.sends.map(({ atMs }) => atMs),
  ]));
}

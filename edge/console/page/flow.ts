/**
 * Events put together to what an operator watches: a delivery, the turns it became, what they did.
 *
 * Events may come twice and in any order, because the past is read beside the live stream; the result
 * is the same.
 *
 * @module
 */
import type { AgentEvent } from "../../../core/contract/mod.ts";
import {
  earliest,
  type FlowTurn,
  grown,
  isOfTurn,
  newTurn,
  order,
  type TurnEvent,
} from "./flow_turn.ts";

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

function newestFirst(cards: Iterable<FlowCard>): FlowCard[] {
  return [...cards].sort((a, b) => b.atMs - a.atMs || order(b.key, a.key));
}

/**
 * The queue of one conversation: what waits, and what its next turn is made of.
 *
 * @module
 */
import type { OpenInbound } from "../queues/inbounds.ts";

/** Most messages that become one turn. */
const MAX_COALESCED = 32;
/** Coalescing ends at the latest this many debounce periods after the first message. */
const MAX_DEBOUNCES = 5;

/** What a lane does next. */
export type LaneNext =
  | { readonly kind: "empty" }
  /** Nothing before this time. */
  | { readonly kind: "wait"; readonly untilMs: number }
  /** A `subscriber` when it is one of its events: those run a limited number at once. */
  | { readonly kind: "ready"; readonly subscriber: string | undefined };

/** A waiting message and when it came here. */
interface Waiting {
  readonly item: OpenInbound;
  readonly sinceMs: number;
}

/** One conversation's queue, oldest first. Running turns have left it. */
export interface Lane {
  readonly account: string;
  readonly agentId: string;
  readonly sessionId: string;
  readonly size: () => number;
  readonly push: (item: OpenInbound, nowMs: number) => void;
  /** Puts a failed turn's messages back in front. */
  readonly putBack: (items: readonly OpenInbound[], nextAtMs: number) => void;
  readonly next: (nowMs: number, debounceMs: number) => LaneNext;
  /** Takes the messages of the next turn. */
  readonly take: () => OpenInbound[];
}

/** Returns an empty lane for the conversation of a message. */
export function createLane(
  { account_id: account, agent_id: agentId, session_id: sessionId }: Pick<
    OpenInbound,
    "account_id" | "agent_id" | "session_id"
  >,
): Lane {
  const waiting: Waiting[] = [];

  /** How many messages in front belong together. */
  function batchSize(): number {
    const head = waiting[0]?.item;
    if (head === undefined) return 0;
    // A turn that was started keeps exactly its messages, or its journal would not fit it.
    if (head.turn_id !== null) return countWhile(({ turn_id }) => turn_id === head.turn_id);
    if (head.trigger !== "channel") return 1;
    return countWhile(({ trigger, turn_id }) => trigger === "channel" && turn_id === null);
  }

  /** No turn has more than {@linkcode MAX_COALESCED}. */
  function countWhile(belongs: (item: OpenInbound) => boolean): number {
    let count = 0;
    for (const { item } of waiting) {
      if (count === MAX_COALESCED || !belongs(item)) break;
      count++;
    }
    return count;
  }

  return {
    account,
    agentId,
    sessionId,
    size: () => waiting.length,
    push(item, nowMs) {
      // Ids rise as messages come in; one that waited elsewhere takes its old place.
      const after = waiting.findLastIndex((other) => other.item.id <= item.id);
      waiting.splice(after + 1, 0, { item, sinceMs: nowMs });
    },
    putBack(items, nextAtMs) {
      waiting.unshift(...items.map((item) => ({
        item: { ...item, next_at_ms: nextAtMs },
        sinceMs: nextAtMs,
      })));
    },
    next(nowMs, debounceMs) {
      const head = waiting[0];
      if (head === undefined) return { kind: "empty" };
      const { item } = head;
      if (item.next_at_ms > nowMs) return { kind: "wait", untilMs: item.next_at_ms };
      if (item.trigger === "channel" && item.turn_id === null) {
        const last = waiting[batchSize() - 1] ?? head;
        const untilMs = Math.min(
          last.sinceMs + debounceMs,
          head.sinceMs + MAX_DEBOUNCES * debounceMs,
        );
        if (untilMs > nowMs) return { kind: "wait", untilMs };
      }
      return { kind: "ready", subscriber: item.trigger === "event" ? item.instance : undefined };
    },
    take: () => waiting.splice(0, batchSize()).map(({ item }) => item),
  };
}

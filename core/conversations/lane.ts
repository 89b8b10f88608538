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
  /** Events of one subscriber share a `group`, whose size is limited. */
  | { readonly kind: "ready"; readonly group: string | undefined };

/** A waiting message and when it came here. */
interface Waiting {
  readonly item: OpenInbound;
  readonly sinceMs: number;
}

/** One conversation's queue, oldest first. Running turns have left it. */
export interface Lane {
  readonly account: string;
  readonly agentId: string;
  readonly size: () => number;
  readonly push: (item: OpenInbound, nowMs: number) => void;
  /** Puts a failed turn's messages back in front. */
  readonly putBack: (items: readonly OpenInbound[], nextAtMs: number) => void;
  readonly next: (nowMs: number, debounceMs: number) => LaneNext;
  /** Takes the messages of the next turn. */
  readonly take: () => OpenInbound[];
}

/** Returns an empty lane for a conversation of `account` with an agent. */
export function createLane(account: string, agentId: string): Lane {
  const waiting: Waiting[] = [];

  /** How many messages in front belong together. */
  function batchSize(): number {
    const head = waiting[0]?.item;
    if (head === undefined) return 0;
    // A turn that was started keeps exactly its messages, or its journal would not fit it.
    if (head.turn_id !== null) {
      const end = waiting.findIndex(({ item }) => item.turn_id !== head.turn_id);
      return end === -1 ? waiting.length : end;
    }
    if (head.trigger !== "channel") return 1;
    const end = waiting.findIndex(({ item }) =>
      item.trigger !== "channel" || item.turn_id !== null
    );
    return Math.min(MAX_COALESCED, end === -1 ? waiting.length : end);
  }

  return {
    account,
    agentId,
    size: () => waiting.length,
    push: (item, nowMs) => void waiting.push({ item, sinceMs: nowMs }),
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
      const group = item.trigger === "event"
        ? `${item.account_id}/${item.agent_id}/${item.instance}`
        : undefined;
      return { kind: "ready", group };
    },
    take: () => waiting.splice(0, batchSize()).map(({ item }) => item),
  };
}

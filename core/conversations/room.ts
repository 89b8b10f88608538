/**
 * How much may wait: in all, of one tenant, and in one conversation.
 *
 * @module
 */
import type { OpenInbound } from "../queues/inbounds.ts";

/** Whether there is room for one more. */
export type RoomVerdict = "reserved" | "store_full" | "queue_full";

/** Limits, read whenever they matter. */
export interface RoomLimits {
  /** Messages waiting or running, all tenants together. */
  readonly maxWaiting: number;
  /** Channel messages that may wait in one conversation with an agent. */
  readonly queueCapOf: (agentId: string) => number;
}

/** Counts what waits. */
export interface Room {
  /**
   * Whether a tenant may have so many more. None may take more than is left for all others together,
   * so that one that floods leaves room.
   */
  readonly accepts: (account: string, count: number) => boolean;
  /**
   * Keeps a place for a message that is about to be on disk. Only what people write has a limit in
   * its conversation; events wait in line whatever their number.
   */
  readonly reserve: (item: OpenInbound) => RoomVerdict;
  /** Gives places back that were reserved and not used. */
  readonly release: (items: readonly OpenInbound[]) => void;
  /** Counts a message that waits now, unless its place was reserved. */
  readonly enter: (item: OpenInbound) => void;
  /** These are part of a turn that has begun. */
  readonly begin: (items: readonly OpenInbound[]) => void;
  /** These wait again. */
  readonly putBack: (items: readonly OpenInbound[]) => void;
  /** These are done. */
  readonly leave: (items: readonly OpenInbound[]) => void;
  readonly size: () => number;
}

/** Returns an empty room. */
export function createRoom({ maxWaiting, queueCapOf }: RoomLimits): Room {
  const byTenant = new Map<string, number>();
  const byConversation = new Map<string, number>();
  const reserved = new Set<string>();
  let size = 0;

  const isCapped = ({ trigger }: OpenInbound): boolean => trigger === "channel";

  function count(item: OpenInbound, by: 1 | -1): void {
    size += by;
    add(byTenant, item.account_id, by);
  }

  function queue(items: readonly OpenInbound[], by: 1 | -1): void {
    for (const item of items) {
      if (isCapped(item)) add(byConversation, conversationOf(item), by);
    }
  }

  const accepts: Room["accepts"] = (account, more) =>
    (byTenant.get(account) ?? 0) + more <= maxWaiting - size;

  return {
    accepts,
    reserve(item) {
      if (!accepts(item.account_id, 1)) return "store_full";
      const waiting = byConversation.get(conversationOf(item)) ?? 0;
      if (isCapped(item) && waiting >= queueCapOf(item.agent_id)) return "queue_full";
      reserved.add(item.id);
      count(item, 1);
      queue([item], 1);
      return "reserved";
    },
    release(items) {
      for (const item of items) {
        if (!reserved.delete(item.id)) continue;
        count(item, -1);
        queue([item], -1);
      }
    },
    enter(item) {
      if (reserved.delete(item.id)) return;
      count(item, 1);
      queue([item], 1);
    },
    begin: (items) => queue(items, -1),
    putBack: (items) => queue(items, 1),
    leave: (items) => items.forEach((item) => count(item, -1)),
    size: () => size,
  };
}

/** The key of a conversation in memory. */
export function conversationOf({ account_id, session_id }: OpenInbound): string {
  return `${account_id}/${session_id}`;
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next === 0) counts.delete(key);
  else counts.set(key, next);
}

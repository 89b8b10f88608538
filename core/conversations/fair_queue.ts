/**
 * Whose turn is next: tenants take turns by weight, so a busy one never starves the others.
 *
 * @module
 */
import { LRUCache } from "lru-cache";

/** A queue of items of several tenants. */
export interface FairQueue<T> {
  readonly size: () => number;
  /** Puts an item behind the tenant's others; with `ahead`, only behind those that came so. */
  readonly push: (account: string, item: T, options?: { readonly ahead: boolean }) => void;
  /** The next item, or undefined when empty. */
  readonly shift: () => T | undefined;
}

/** Tenants whose pace is remembered while they have nothing in the queue. */
const MAX_REMEMBERED = 10_000;

interface Waiting<T> {
  readonly account: string;
  readonly items: T[];
  /** How many items in front were pushed `ahead`. */
  ahead: number;
  /** On the clock of the queue: when its first item is due. */
  dueAt: number;
  /** Who came first, among those due at the same time. */
  order: number;
}

/**
 * Returns a queue in which each item of a tenant takes `1 / weightOf(account)` of time on a clock of
 * its own, and who is due first is next. Weights may change at any time; each operation takes time
 * that grows with the logarithm of the tenants that wait.
 */
export function createFairQueue<T>(weightOf: (account: string) => number): FairQueue<T> {
  const waiting = new Map<string, Waiting<T>>();
  const heap: Waiting<T>[] = [];
  // One that comes back at once has its place behind what it was given, not in front of the others.
  const nextDueAt = new LRUCache<string, number>({ max: MAX_REMEMBERED });
  let clock = 0;
  let order = 0;
  let size = 0;

  return {
    size: () => size,
    push(account, item, { ahead } = { ahead: false }) {
      size++;
      const known = waiting.get(account);
      if (known !== undefined) {
        if (ahead) known.items.splice(known.ahead++, 0, item);
        else known.items.push(item);
        return;
      }
      const dueAt = Math.max(clock, nextDueAt.get(account) ?? 0);
      const fresh = { account, items: [item], ahead: ahead ? 1 : 0, dueAt, order: order++ };
      waiting.set(account, fresh);
      heap.push(fresh);
      siftUp(heap, heap.length - 1);
    },
    shift() {
      const first = heap[0];
      const item = first?.items.shift();
      if (first === undefined || item === undefined) return undefined;
      size--;
      if (first.ahead > 0) first.ahead--;
      clock = first.dueAt;
      first.dueAt += 1 / weightOf(first.account);
      first.order = order++;
      if (first.items.length === 0) {
        waiting.delete(first.account);
        nextDueAt.set(first.account, first.dueAt);
        const last = heap.pop();
        if (last !== undefined && last !== first) heap[0] = last;
      }
      siftDown(heap, 0);
      return item;
    },
  };
}

type Due = Pick<Waiting<unknown>, "dueAt" | "order">;

function isBefore(a: Due, b: Due): boolean {
  return a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.order < b.order);
}

function siftUp(heap: Due[], start: number): void {
  for (let at = start; at > 0;) {
    const above = (at - 1) >> 1;
    if (!swapIfBefore(heap, at, above)) return;
    at = above;
  }
}

function siftDown(heap: Due[], start: number): void {
  for (let at = start;;) {
    const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
    if (left === undefined) return;
    const below = right !== undefined && isBefore(right, left) ? 2 * at + 2 : 2 * at + 1;
    if (!swapIfBefore(heap, below, at)) return;
    at = below;
  }
}

/** Swaps the two when the first belongs before the second. */
function swapIfBefore(heap: Due[], a: number, b: number): boolean {
  const [one, other] = [heap[a], heap[b]];
  if (one === undefined || other === undefined || !isBefore(one, other)) return false;
  heap[a] = other;
  heap[b] = one;
  return true;
}

/**
 * Whose turn is next: tenants take turns by weight, so a busy one never starves the others.
 *
 * @module
 */

/** A queue of items of several tenants. */
export interface FairQueue<T> {
  readonly size: () => number;
  readonly push: (account: string, item: T) => void;
  /** The next item, or undefined when empty. */
  readonly shift: () => T | undefined;
}

/** Returns a weighted round robin: of each round a tenant gets `weightOf(account)` items, at least one. */
export function createFairQueue<T>(weightOf: (account: string) => number): FairQueue<T> {
  const queues = new Map<string, T[]>();
  const round: string[] = [];
  let credit = 0;
  let size = 0;

  return {
    size: () => size,
    push(account, item) {
      size++;
      const queue = queues.get(account);
      if (queue !== undefined) return void queue.push(item);
      queues.set(account, [item]);
      round.push(account);
      if (round.length === 1) credit = Math.max(1, weightOf(account));
    },
    shift() {
      const account = round[0];
      if (account === undefined) return undefined;
      const queue = queues.get(account) ?? [];
      const item = queue.shift();
      size--;
      credit--;
      if (queue.length === 0 || credit < 1) {
        round.shift();
        if (queue.length === 0) queues.delete(account);
        else round.push(account);
        const next = round[0];
        if (next !== undefined) credit = Math.max(1, weightOf(next));
      }
      return item;
    },
  };
}

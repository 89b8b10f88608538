/**
 * A few tasks at a time, with everybody's first in line before anybody's second.
 *
 * @module
 */

/** Runs tasks for owners. */
export type FairTurns = <T>(owner: string, task: () => Promise<T>) => Promise<T>;

/**
 * Runs at most `limit` tasks at once. The others wait: each owner's in the order they came, the owners
 * in turn. What waits is bounded by the callers, who wait for it.
 */
export function createFairTurns(limit: number): FairTurns {
  /** Who waits; the owner whose turn is next comes first. */
  const waiting = new Map<string, (() => void)[]>();
  let running = 0;

  function next(): (() => void) | undefined {
    for (const [owner, starts] of waiting) {
      const start = starts.shift();
      waiting.delete(owner);
      if (starts.length > 0) waiting.set(owner, starts);
      return start;
    }
    return undefined;
  }

  function wait(owner: string): Promise<void> {
    return new Promise((resolve) => {
      const starts = waiting.get(owner);
      if (starts === undefined) waiting.set(owner, [resolve]);
      else starts.push(resolve);
    });
  }

  return async function inTurn(owner, task) {
    if (running >= limit) await wait(owner);
    else running += 1;
    try {
      return await task();
    } finally {
      // The place goes straight to the next in line, so nobody slips in between.
      const start = next();
      if (start === undefined) running -= 1;
      else start();
    }
  };
}

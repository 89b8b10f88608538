/**
 * Waiting for something to be so, by looking whenever something happens.
 *
 * @module
 */

/** Tells those who wait that something happened. */
export interface Waker {
  readonly wake: () => void;
  /** Looks now and at every {@linkcode Waker.wake}; resolves once it is so. */
  readonly until: (isSo: () => boolean | Promise<boolean>) => Promise<void>;
}

/** Returns one that nobody waits for. */
export function createWaker(): Waker {
  let waiting: (() => void)[] = [];
  return {
    wake() {
      const woken = waiting;
      waiting = [];
      for (const resolve of woken) resolve();
    },
    async until(isSo) {
      for (;;) {
        // Before the look, so that nothing which happens meanwhile is missed.
        const next = new Promise<void>((resolve) => waiting.push(resolve));
        if (await isSo()) return;
        await next;
      }
    },
  };
}

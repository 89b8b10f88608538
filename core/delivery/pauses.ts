/**
 * Waiting that news ends early.
 *
 * @module
 */

/** Pauses of many lanes. */
export interface Pauses {
  /** Waits `ms` milliseconds; resolves with whether it was woken, rejects with the signal's reason. */
  readonly pause: (account: string, ms: number, signal: AbortSignal) => Promise<boolean>;
  /** Ends the pauses of a tenant, or all of them. */
  readonly wake: (account?: string) => void;
}

/** The longest timer the runtime can hold, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Returns pauses, none of them begun. */
export function createPauses(): Pauses {
  const sleeping = new Map<() => void, string>();
  return {
    pause: (account, ms, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const over = (woken: boolean): void => {
          clearTimeout(timer);
          sleeping.delete(wake);
          signal.removeEventListener("abort", wake);
          if (signal.aborted) reject(signal.reason as Error);
          else resolve(woken);
        };
        const wake = (): void => over(true);
        const timer = setTimeout(() => over(false), Math.min(ms, MAX_TIMER_MS));
        sleeping.set(wake, account);
        signal.addEventListener("abort", wake, { once: true });
      }),
    wake(account) {
      for (const [wake, owner] of Array.from(sleeping)) {
        if (account === undefined || owner === account) wake();
      }
    },
  };
}

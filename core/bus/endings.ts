/**
 * What a bus has begun for others, and how it ends.
 *
 * @module
 */

/** Listeners and servers under way. */
export interface Endings {
  /**
   * Calls `start`, and what it returns once `signal` aborts or all ends; neither where it has aborted
   * already.
   */
  readonly begin: (signal: AbortSignal | undefined, start: () => () => void) => void;
  /** Ends everything. */
  readonly endAll: () => void;
}

/** Returns endings of nothing. */
export function createEndings(): Endings {
  const endings = new Set<() => void>();
  return {
    begin(signal, start) {
      if (signal?.aborted === true) return;
      const undo = start();
      const end = (): void => {
        endings.delete(end);
        signal?.removeEventListener("abort", end);
        undo();
      };
      endings.add(end);
      signal?.addEventListener("abort", end, { once: true });
    },
    endAll() {
      for (const end of endings) end();
    },
  };
}

/**
 * Work that is done now and then.
 *
 * @module
 */
import { delay } from "./delay.ts";
import { openScope } from "./scope.ts";

/** A sweep and when it comes again. */
export interface SweepOptions {
  /** From the end of one sweep to the next, in milliseconds. */
  readonly everyMs: number;
  readonly sweep: (signal: AbortSignal) => Promise<void>;
  /** Hears why a sweep failed; the next one comes all the same. */
  readonly onFailure: (error: unknown) => void;
}

/** Sweeps at once and again and again, until disposed; disposing waits for the one under way. */
export function openSweep({ everyMs, sweep, onFailure }: SweepOptions): AsyncDisposable {
  const scope = openScope({ onError: onFailure });
  scope.run(async (signal) => {
    for (;;) {
      await sweep(signal).catch((error: unknown) => {
        if (!signal.aborted) onFailure(error);
      });
      await delay(everyMs, { signal });
    }
  });
  return scope;
}

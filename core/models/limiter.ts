/**
 * How fast a provider is asked, all its callers together.
 *
 * @module
 */
import type { Clock } from "../contract/mod.ts";
import { delay } from "../flow/delay.ts";
import { ModelError } from "./model_error.ts";

/** Callers that may wait for one provider; more are refused. */
const MAX_WAITING = 1_000;
/** The longest a caller waits for its turn before it is refused, in milliseconds. */
const MAX_WAIT_MS = 60_000;

/** The limiter of one provider. */
export interface Limiter {
  /**
   * Resolves when the caller may go, first come first served.
   *
   * @throws {ModelError} `model_rate_limited` when the wait would be too long; the signal's reason
   */
  take(rps: number, signal: AbortSignal): Promise<void>;
  /** Lets nobody go for a while: the provider said so. */
  pause(ms: number): void;
}

/** A limiter that has let nobody go yet; a second's worth may go at once. */
export function createLimiter({ now, provider }: { now: Clock; provider: string }): Limiter {
  /** When the next caller would go at an even pace; it may run ahead of the clock by the waiting. */
  let nextAtMs = 0;
  let pausedUntilMs = 0;
  let waiting = 0;

  return {
    async take(rps, signal) {
      signal.throwIfAborted();
      const nowMs = now();
      const gapMs = 1000 / rps;
      const burst = Math.max(1, Math.floor(rps));
      const evenMs = Math.max(nextAtMs, nowMs);
      const goAtMs = Math.max(evenMs - (burst - 1) * gapMs, pausedUntilMs);
      const waitMs = goAtMs - nowMs;
      if (waiting >= MAX_WAITING || waitMs > MAX_WAIT_MS) {
        throw new ModelError(
          "model_rate_limited",
          `Cannot ask "${provider}": ${waiting} calls wait for it already; raise its requests_per_second in llm.yaml if it takes more`,
          { retryAfterMs: Math.max(waitMs, 0) },
        );
      }
      nextAtMs = evenMs + gapMs;
      if (waitMs <= 0) return;
      waiting += 1;
      try {
        await delay(waitMs, { signal });
      } finally {
        waiting -= 1;
      }
      // A pause that was announced meanwhile holds for those who waited, too.
      if (pausedUntilMs > now()) await delay(pausedUntilMs - now(), { signal });
    },
    pause(ms) {
      pausedUntilMs = Math.max(pausedUntilMs, now() + ms);
    },
  };
}

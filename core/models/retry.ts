/**
 * Second and further tries at one provider.
 *
 * @module
 */
import type { LlmConfig } from "../contract/mod.ts";
import { delay } from "../flow/delay.ts";
import { ModelError } from "./model_error.ts";

/** How tries are spaced. */
export interface RetryPlan {
  readonly retry: LlmConfig["retry"];
  readonly signal: AbortSignal;
  /** From 0 to below 1; spreads callers that failed together. */
  readonly jitter: () => number;
  /** Hears of each failure that is followed by another try. */
  readonly onRetry: (error: ModelError, pauseMs: number) => void;
}

/**
 * Runs `attempt` until it succeeds, fails for good, or the tries are used up. A provider's
 * `Retry-After` is kept; one beyond `max_backoff_ms` is the caller's to wait for.
 */
export async function withRetries<T>(attempt: () => Promise<T>, plan: RetryPlan): Promise<T> {
  const { retry, signal, jitter, onRetry } = plan;
  let backoffMs = retry.initial_backoff_ms;
  for (let tries = 1;; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ModelError) || !error.retryable || error.resting) throw error;
      const { retryAfterMs = 0 } = error;
      if (tries >= retry.max_attempts || retryAfterMs > retry.max_backoff_ms) throw error;
      const pauseMs = Math.max(retryAfterMs, backoffMs * (0.5 + jitter() / 2));
      backoffMs = Math.min(retry.max_backoff_ms, backoffMs * retry.backoff_multiplier);
      onRetry(error, pauseMs);
      await delay(pauseMs, { signal });
    }
  }
}

/**
 * When a microapp that ended is started again.
 *
 * @module
 */
import { type Backoff, backoffMs } from "../flow/backoff.ts";

/** How often a microapp may be started again. */
export interface RestartPolicy {
  /** Restarts within `windowMs`; beyond it the microapp rests until the oldest is that old. */
  readonly restarts: number;
  readonly windowMs: number;
  /** The pause before each restart. */
  readonly pause: Backoff;
}

/** The policy that applies unless a test says otherwise. */
export const RESTART_POLICY: RestartPolicy = {
  restarts: 5,
  windowMs: 300_000,
  pause: { firstMs: 1_000, maxMs: 16_000 },
};

/** What happens next, and the restarts to remember. */
export interface RestartPlan {
  /** Whether the budget is used up: the microapp counts as failed while it waits. */
  readonly exhausted: boolean;
  readonly pauseMs: number;
  /** Which restart within the window this is, from 1. */
  readonly attempt: number;
  /** When the restarts happened that still count, in milliseconds since the epoch. */
  readonly history: readonly number[];
}

/** Plans the restart after an end at `nowMs`. A budget heals: old restarts stop counting. */
export function planRestart(
  history: readonly number[],
  nowMs: number,
  { restarts, windowMs, pause }: RestartPolicy,
): RestartPlan {
  const recent = history.filter((atMs) => nowMs - atMs < windowMs);
  const oldest = recent[recent.length - restarts];
  if (oldest === undefined) {
    const pauseMs = backoffMs(recent.length + 1, pause);
    const attempt = recent.length + 1;
    return { exhausted: false, pauseMs, attempt, history: [...recent, nowMs + pauseMs] };
  }
  const pauseMs = oldest + windowMs - nowMs;
  return { exhausted: true, pauseMs, attempt: 1, history: [nowMs + pauseMs] };
}

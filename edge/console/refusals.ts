/**
 * The webhooks this edge refused last, for operators; they never reach core.
 *
 * @module
 */

import type { RefusedWebhook } from "../webhooks/receive.ts";

/** The newest refusals of one edge. */
export interface Refusals {
  readonly note: (refusal: RefusedWebhook) => void;
  /** Newest first. */
  readonly list: () => RefusedWebhook[];
}

/** Beyond this the oldest is forgotten. */
const MAX_KEPT = 200;

/** Builds the list. */
export function createRefusals(): Refusals {
  const ring: RefusedWebhook[] = [];
  let next = 0;
  return {
    note(refusal) {
      ring[next] = refusal;
      next = (next + 1) % MAX_KEPT;
    },
    list: () => [...ring.slice(next), ...ring.slice(0, next)].reverse(),
  };
}

/**
 * How long to wait before trying again.
 *
 * @module
 */

/** Shape of a growing pause. */
export interface Backoff {
  /** Pause after the first failure, in milliseconds. */
  readonly firstMs: number;
  /** No pause is longer, in milliseconds. */
  readonly maxMs: number;
}

/** The pause after failure number `failures` (1, 2, …): doubling, capped. */
export function backoffMs(failures: number, { firstMs, maxMs }: Backoff): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
}

/**
 * What the firehose has done since it began: plain numbers, read by whoever reports them.
 *
 * @module
 */

/** Numbers that only rise. */
export interface Tally {
  /** Events sent, once for each client. */
  events: number;
  /** Gaps told, once for each client. */
  gaps: number;
  /** Clients cut, by the code their last frame says. */
  readonly cuts: Map<string, number>;
  /** Clients refused, by code. */
  readonly refusals: Map<string, number>;
}

/** A tally at zero. */
export function createTally(): Tally {
  return { events: 0, gaps: 0, cuts: new Map(), refusals: new Map() };
}

/** Counts one more of `code`. */
export function countCode(counts: Map<string, number>, code: string): void {
  counts.set(code, (counts.get(code) ?? 0) + 1);
}

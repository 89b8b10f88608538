/**
 * Letting the event loop turn while statements run.
 *
 * @module
 */
import type { Clock } from "../contract/mod.ts";

/** How long statements may keep the event loop at a time, in milliseconds. */
const BREATH_MS = 5;

/** Asked after each statement: a promise to wait for when the event loop must turn. */
export type Breath = () => Promise<void> | undefined;

/** Returns a breath for one flush. */
export function createBreath(now: Clock): Breath {
  let sinceMs = now();
  return () => {
    if (now() - sinceMs < BREATH_MS) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        sinceMs = now();
        resolve();
      });
    });
  };
}

/**
 * Waiting that does not insist.
 *
 * @module
 */
import { delay } from "../flow/delay.ts";

/** Waits for `task` to end in any way, at most `limitMs`. */
export async function within(limitMs: number, task: Promise<unknown>): Promise<void> {
  const limit = new AbortController();
  await Promise.race([
    task.catch(() => undefined),
    delay(limitMs, { signal: limit.signal }).catch(() => undefined),
  ]);
  limit.abort();
}

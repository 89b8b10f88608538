/**
 * Deciding on what was read, and deciding again when it changed before the commit.
 *
 * @module
 */
import { codeOf } from "../contract/mod.ts";

/** Times a decision is made again before its conflict counts as a failure. */
const MAX_TRIES = 20;

/** Runs `attempt` until it commits; it must read anew each time what it decides on. */
export async function untilCommitted<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = MAX_TRIES;; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (codeOf(error) !== "conflict" || left <= 1) throw error;
    }
  }
}

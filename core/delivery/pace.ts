/**
 * How fast an instance may send: its own rate, and rests its provider asks for.
 *
 * @module
 */
import type { SendRate } from "../channels/channel.ts";
import type { Clock } from "../contract/mod.ts";

/** The paces of all instances, in memory: after a restart each begins rested. */
export interface Pace {
  /**
   * Milliseconds until a send of `instance` may go; 0 takes its place now. Ask again when they are
   * over: others may have come first.
   */
  readonly take: (instance: string, rate: SendRate | undefined) => number;
  /** Nothing of `instance` goes for `ms` milliseconds. */
  readonly rest: (instance: string, ms: number) => void;
}

/** More instances than this are never under way at once; the one that sent longest ago is forgotten. */
const MAX_INSTANCES = 10_000;

/** Returns paces, all of them rested. */
export function createPace({ now }: { now: Clock }): Pace {
  /** When the bucket is full again, and until when nothing goes; by instance, the latest last. */
  const states = new Map<string, { fullAtMs: number; restUntilMs: number }>();

  function stateOf(instance: string) {
    const state = states.get(instance) ?? { fullAtMs: 0, restUntilMs: 0 };
    states.delete(instance);
    states.set(instance, state);
    if (states.size > MAX_INSTANCES) {
      const [oldest] = states.keys();
      if (oldest !== undefined) states.delete(oldest);
    }
    return state;
  }

  return {
    take(instance, rate) {
      const state = stateOf(instance);
      const nowMs = now();
      if (state.restUntilMs > nowMs) return state.restUntilMs - nowMs;
      if (rate === undefined) return 0;
      const stepMs = 1000 / rate.perSec;
      const fullAtMs = Math.max(state.fullAtMs, nowMs) + stepMs;
      const waitMs = fullAtMs - nowMs - rate.burst * stepMs;
      if (waitMs > 0) return Math.ceil(waitMs);
      state.fullAtMs = fullAtMs;
      return 0;
    },
    rest(instance, ms) {
      const state = stateOf(instance);
      state.restUntilMs = Math.max(state.restUntilMs, now() + ms);
    },
  };
}

/**
 * Rest for somebody who fails one caller again and again.
 *
 * @module
 */
import type { Clock } from "../contract/mod.ts";
import { type Backoff, backoffMs } from "./backoff.ts";

/** When a breaker opens, and for how long. */
export interface BreakerLimits {
  /** Faults in a row that open it. */
  readonly faults: number;
  /** How long it stays open: the first time, and at most. */
  readonly rest: Backoff;
}

/** The limits that apply unless a test says otherwise. */
export const BREAKER_LIMITS: BreakerLimits = {
  faults: 5,
  rest: { firstMs: 10_000, maxMs: 120_000 },
};

/** One pair of callee and caller that has failed; a healthy pair has none. */
export type Breaker =
  | { readonly state: "closed"; readonly faults: number }
  | { readonly state: "open"; readonly untilMs: number; readonly times: number }
  | { readonly state: "trying"; readonly times: number };

/** The breaker after one more fault at `nowMs`. */
export function afterFault(
  breaker: Breaker | undefined,
  nowMs: number,
  limits: BreakerLimits,
): Breaker {
  const open = (times: number): Breaker => ({
    state: "open",
    untilMs: nowMs + backoffMs(times, limits.rest),
    times,
  });
  if (breaker?.state === "trying") return open(breaker.times + 1);
  // Calls sent before it opened may still come home; they change nothing.
  if (breaker?.state === "open") return breaker;
  const faults = (breaker?.faults ?? 0) + 1;
  return faults < limits.faults ? { state: "closed", faults } : open(1);
}

/** Pairs that failed lately and are remembered. */
const MAX_PAIRS = 10_000;

/** How a call that was let through ended. */
export type CallEnd = "ok" | "fault" | "undecided";

/** Breakers by pairs, for example of microapp and tenant. */
export interface Breakers {
  /** A ticket to end the call with, or null while the pair rests. */
  enter(callee: string, caller: string): ((end: CallEnd) => void) | null;
  /** Forgets what a callee did before it was started afresh. */
  forget(callee: string): void;
}

/** Builds breakers that are all closed. */
export function createBreakers({ now, limits }: { now: Clock; limits: BreakerLimits }): Breakers {
  const breakers = new Map<string, Map<string, Breaker>>();

  function put(pairs: Map<string, Breaker>, caller: string, breaker: Breaker): void {
    pairs.delete(caller);
    pairs.set(caller, breaker);
    if (pairs.size <= MAX_PAIRS) return;
    for (const oldest of pairs.keys()) {
      pairs.delete(oldest);
      break;
    }
  }

  return {
    enter(callee, caller) {
      const pairs = breakers.get(callee) ?? new Map<string, Breaker>();
      breakers.set(callee, pairs);
      const breaker = pairs.get(caller);
      if (breaker?.state === "trying") return null;
      const probing = breaker?.state === "open";
      if (probing) {
        if (now() < breaker.untilMs) return null;
        put(pairs, caller, { state: "trying", times: breaker.times });
      }
      return (end) => {
        const current = pairs.get(caller);
        // Once it has opened, only the one call that was let through to try decides.
        if (current !== undefined && current.state !== "closed" && !probing) return;
        if (end === "ok") pairs.delete(caller);
        else if (end === "fault") put(pairs, caller, afterFault(current, now(), limits));
        else if (current?.state === "trying") {
          put(pairs, caller, { state: "open", untilMs: now(), times: current.times });
        }
      };
    },
    forget: (callee) => void breakers.delete(callee),
  };
}

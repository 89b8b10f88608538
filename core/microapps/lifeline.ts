/**
 * Keeps something alive: it lives, ends, and lives again by plan until it is stopped.
 *
 * @module
 */
import { type Clock, messageOf } from "../contract/mod.ts";
import { delay } from "../flow/delay.ts";
import { type Log } from "../flow/log.ts";
import { openScope } from "../flow/scope.ts";
import { faultKind } from "./faults.ts";
import { planRestart, type RestartPolicy } from "./restart_plan.ts";

/** Where a microapp or a server is in its life. */
export type MicroappState = "spawning" | "ready" | "restarting" | "failed" | "stopped";

/** One life. */
export interface LifeOptions {
  /** Counts the lives, from 1. */
  readonly generation: number;
  /** To be called once, when it can be used. */
  readonly ready: () => void;
  /** Aborts when it is to end. */
  readonly signal: AbortSignal;
}

/** What a lifeline needs. */
export interface LifelineDeps {
  /** Lives once and gives the reason of the end; what it throws is the reason it never got ready. */
  readonly live: (options: LifeOptions) => Promise<string>;
  readonly onState: (state: MicroappState, reason: string | undefined) => void;
  /** Hears why a life ended, or why there was none; not when it was stopped. */
  readonly onFault: (kind: "init_timeout" | "exit", why: string) => void;
  readonly restart: RestartPolicy;
  readonly now: Clock;
  readonly log: Log;
}

/** How something kept alive stands. */
export interface Life {
  readonly state: MicroappState;
  /** Why it is not ready. */
  readonly reason: string | undefined;
  /** Lives after the first. */
  readonly restarts: number;
  /** Resolves when the first life has got ready, or has not. */
  readonly settled: Promise<void>;
}

/** Something kept alive. Disposing stops it and resolves when its life is over. */
export interface Lifeline extends Life, AsyncDisposable {}

/** Begins the first life at once. */
export function openLifeline(deps: LifelineDeps): Lifeline {
  const { log, now } = deps;
  let state: MicroappState = "spawning";
  let reason: string | undefined;
  let lives = 0;
  let settle: () => void = () => {};
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });
  const scope = openScope({
    onError: (error) => log.error("microapp.supervisor_failed", { error: messageOf(error) }),
  });

  function enter(next: MicroappState, why?: string): void {
    state = next;
    reason = why;
    const level = next === "failed" ? "error" : next === "restarting" ? "warn" : "info";
    log[level](`microapp.${next}`, why === undefined ? {} : { reason: why });
    deps.onState(next, why);
    if (next !== "spawning") settle();
  }

  scope.run(async (signal) => {
    let history: readonly number[] = [];
    enter("spawning");
    while (!signal.aborted) {
      lives += 1;
      const options = { generation: lives, ready: () => enter("ready"), signal };
      const { kind, why } = await deps.live(options).then(
        (end) => ({ kind: "exit" as const, why: end }),
        (error: unknown) => ({ kind: faultKind(error), why: messageOf(error) }),
      );
      if (signal.aborted) break;
      deps.onFault(kind, why);
      const plan = planRestart(history, now(), deps.restart);
      history = plan.history;
      if (plan.exhausted) enter("failed", `max restart attempts exceeded: ${why}`);
      else enter("restarting", why);
      await delay(plan.pauseMs, { signal }).catch(() => {});
      if (plan.exhausted && !signal.aborted) enter("restarting", "trying again");
    }
    enter("stopped");
  });

  return {
    get state() {
      return state;
    },
    get reason() {
      return reason;
    },
    get restarts() {
      return Math.max(0, lives - 1);
    },
    settled,
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  };
}

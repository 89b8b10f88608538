/**
 * Whether a microapp's HTTP server may be routed to: probed until it is well, and watched from then on.
 *
 * @module
 */
import { type Clock, messageOf } from "../../contract/mod.ts";
import { backoffMs } from "../../flow/backoff.ts";
import { delay } from "../../flow/delay.ts";
import type { Log } from "../../flow/log.ts";
import { openScope } from "../../flow/scope.ts";
import type { ServerAddress } from "./address.ts";
import { probe } from "./probe.ts";

/** How a server is: `starting` until its first good answer, `unwatched` when nobody may probe it. */
export type ServerState = "starting" | "ready" | "unhealthy" | "unwatched";

/** Times of a watch, in milliseconds. */
export interface WatchTimes {
  /** Between probes while it starts. */
  readonly bootEveryMs: number;
  /** From the start until a server without a good answer counts as unhealthy. */
  readonly bootLimitMs: number;
  /** Between probes while it is well. */
  readonly everyMs: number;
  /** Longest pause between probes while it is not. */
  readonly unwellEveryMs: number;
  /** For one probe. */
  readonly probeLimitMs: number;
}

/** The times that apply unless a test says otherwise. */
export const WATCH_TIMES: WatchTimes = {
  bootEveryMs: 250,
  bootLimitMs: 30_000,
  everyMs: 15_000,
  unwellEveryMs: 2_000,
  probeLimitMs: 2_000,
};

/** A server under watch. */
export interface ServerWatch {
  readonly state: ServerState;
  /** Why it is not ready. */
  readonly reason: string | null;
  /** Somebody could not reach it: it is looked at now. */
  readonly suspect: () => void;
  /** Ends the probes; resolves when none is under way. */
  readonly close: () => Promise<void>;
}

/** What a watch needs. */
export interface WatchDeps {
  readonly address: ServerAddress;
  readonly healthPath: string;
  readonly times: WatchTimes;
  /** Whether it is probed at all; `NEXO_MICROAPP_HTTP_SERVERS_ENABLED`. */
  readonly mayProbe: () => boolean;
  readonly now: Clock;
  readonly log: Log;
}

/** Probes in a row that a server which was well may fail. */
const MAX_FAULTS = 2;

/** Starts watching a server whose process is ready. */
export function openServerWatch(deps: WatchDeps): ServerWatch {
  const { address, healthPath, times, mayProbe, now, log } = deps;
  let state: ServerState = "starting";
  let reason: string | null = "its HTTP server has not answered yet";
  let wake: (() => void) | undefined;
  const scope = openScope({
    onError: (error) => log.error("microapp.http_watch_failed", { error: messageOf(error) }),
  });

  function enter(next: ServerState, why: string | null): void {
    reason = why;
    if (next === state) return;
    state = next;
    const fields = { url: address.url, ...(why === null ? {} : { reason: why }) };
    log[next === "unhealthy" ? "warn" : "info"](`microapp.http_${next}`, fields);
  }

  function judge(fault: string | null, faults: number, bootIsOver: boolean): void {
    if (fault === null) return enter("ready", null);
    const why = `no 2xx from ${address.url}${healthPath}: ${fault}`;
    if (state === "starting" && !bootIsOver) reason = why;
    else if (state !== "ready" || faults >= MAX_FAULTS) enter("unhealthy", why);
  }

  function pauseMs(faults: number, bootIsOver: boolean): number {
    if (faults === 0) return times.everyMs;
    if (!bootIsOver) return times.bootEveryMs;
    return backoffMs(faults, { firstMs: times.bootEveryMs, maxMs: times.unwellEveryMs });
  }

  scope.run(async (signal) => {
    if (!mayProbe()) return enter("unwatched", null);
    const startedMs = now();
    let faults = 0;
    while (!signal.aborted) {
      const fault = await probe(address, healthPath, { limitMs: times.probeLimitMs, signal });
      if (signal.aborted) return;
      faults = fault === null ? 0 : faults + 1;
      const bootIsOver = state !== "starting" || now() - startedMs >= times.bootLimitMs;
      judge(fault, faults, bootIsOver);
      await pause(pauseMs(faults, bootIsOver), signal);
    }
  });

  async function pause(ms: number, signal: AbortSignal): Promise<void> {
    const early = new AbortController();
    const end = (): void => early.abort();
    wake = end;
    signal.addEventListener("abort", end, { once: true });
    await delay(ms, { signal: early.signal }).catch(() => undefined);
    signal.removeEventListener("abort", end);
    wake = undefined;
  }

  return {
    get state() {
      return state;
    },
    get reason() {
      return reason;
    },
    // While it is not well, it is looked at soon anyway.
    suspect: () => state === "ready" ? wake?.() : undefined,
    async close() {
      await scope[Symbol.asyncDispose]();
    },
  };
}

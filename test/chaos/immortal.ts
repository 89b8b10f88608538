/**
 * A daemon that is killed again and again, and clients that do not give up on it.
 *
 * @module
 */
import { setTimeout as delay } from "node:timers/promises";
import type { DaemonPlace, RunningDaemon } from "../support/daemon.ts";

/** Numbers from 0 up to 1, the same for the same seed. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return function random() {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** One daemon after another on the same home. */
export interface Immortal {
  /** The one that lives, or the next. */
  readonly daemon: () => Promise<RunningDaemon>;
  /** `kill -9`, and a new one is started. Resolves when that is ready. */
  readonly kill: () => Promise<void>;
  readonly kills: () => number;
  /** Process ids of the daemons and of their microapps, the living ones included. */
  readonly pids: () => ReadonlySet<number>;
}

/** Starts the first daemon of `place`. */
export function keepAlive(place: DaemonPlace): Immortal {
  const pids = new Set<number>();
  let kills = 0;
  let living = start();

  async function start(): Promise<RunningDaemon> {
    const daemon = await place.start();
    const { microapps } = await daemon.call<{ microapps: { pid: number | null }[] }>("ext/status");
    for (const { pid } of [daemon, ...microapps]) if (pid !== null) pids.add(pid);
    return daemon;
  }

  return {
    daemon: () => living,
    async kill() {
      const victim = await living;
      kills++;
      // First the promise of the next one, then the blow: who loses a connection already waits for it.
      living = victim.kill().then(start);
      await living;
    },
    kills: () => kills,
    pids: () => pids,
  };
}

/** Sends once and gives the status; rejects when the connection is lost. */
export type Attempt = (daemon: RunningDaemon) => Promise<number>;

/** How often a living daemon may refuse before that is the finding. */
const MAX_REFUSALS = 20;

/** Tries until acknowledged. A lost connection waits for the next daemon. */
export async function insist(immortal: Immortal, attempt: Attempt): Promise<void> {
  const refusals: number[] = [];
  while (refusals.length < MAX_REFUSALS) {
    const status = await attempt(await immortal.daemon()).catch(() => undefined);
    if (status === undefined) continue;
    if (status >= 200 && status < 300) return;
    refusals.push(status);
  }
  throw new Error(`it was refused with ${refusals.join(", ")}`);
}

/** Calls `strike` at `count` random moments while `total` things happen; call the result after each. */
export function plan(
  { count, total, random, strike }: {
    count: number;
    total: number;
    random: () => number;
    strike: () => Promise<void>;
  },
): { readonly happened: () => void; readonly over: () => Promise<void> } {
  const at = Array.from({ length: count }, (_, i) => Math.floor((i + random()) * total / count));
  let seen = 0;
  let struck = Promise.resolve();
  return {
    happened() {
      seen++;
      while (at[0] !== undefined && at[0] < seen) {
        at.shift();
        // A few milliseconds on, or every blow would fall just behind an acknowledgement.
        const afterMs = random() * 60;
        struck = struck.then(() => delay(afterMs)).then(strike);
      }
    },
    over: () => struck,
  };
}

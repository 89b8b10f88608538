/**
 * Processes that are killed again and again, and clients that do not give up on them.
 *
 * @module
 */
import { setTimeout as delay } from "node:timers/promises";

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

/** What can be killed. */
export interface Mortal {
  /** `kill -9`; resolves when it is gone. */
  readonly kill: () => Promise<void>;
}

/** One process after another in the same place. */
export interface Immortal<Process> {
  /** The one that lives, or the next. */
  readonly living: () => Promise<Process>;
  /** Kills it and starts the next. Resolves when that is ready. */
  readonly kill: () => Promise<void>;
  readonly kills: () => number;
}

/** Starts the first process. */
export function keepAlive<Process extends Mortal>(
  start: () => Promise<Process>,
): Immortal<Process> {
  let kills = 0;
  let living = start();
  return {
    living: () => living,
    async kill() {
      const victim = await living;
      kills++;
      // First the promise of the next one, then the blow: who loses a connection already waits for it.
      living = victim.kill().then(start);
      await living;
    },
    kills: () => kills,
  };
}

/** Sends once and gives the status; rejects when the connection is lost. */
export type Attempt<Process> = (process: Process) => Promise<number>;

/** How often a living process may refuse before that is the finding. */
const MAX_REFUSALS = 20;

/** Tries until acknowledged. A lost connection waits for the next process. */
export async function insist<Process>(
  immortal: Immortal<Process>,
  attempt: Attempt<Process>,
): Promise<void> {
  const refusals: number[] = [];
  while (refusals.length < MAX_REFUSALS) {
    const status = await attempt(await immortal.living()).catch(() => undefined);
    if (status === undefined) continue;
    if (status >= 200 && status < 300) return;
    refusals.push(status);
  }
  throw new Error(`it was refused with ${refusals.join(", ")}`);
}

/** Blows that fall while something else goes on. */
export interface Plan {
  /** Call it after each thing that happened. */
  readonly happened: () => void;
  /** Resolves once no more than one blow is falling, for what should not outrun them. */
  readonly pace: () => Promise<void>;
  /** Resolves when every blow that was due has fallen. */
  readonly over: () => Promise<void>;
}

/** Calls `strike` at `count` random moments while `total` things happen. */
export function plan(
  { count, total, random, strike }: {
    count: number;
    total: number;
    random: () => number;
    strike: () => Promise<void>;
  },
): Plan {
  const at = Array.from({ length: count }, (_, i) => Math.floor((i + random()) * total / count));
  let seen = 0;
  let struck = Promise.resolve();
  let before = struck;
  return {
    happened() {
      seen++;
      while (at[0] !== undefined && at[0] < seen) {
        at.shift();
        // A few milliseconds on, or every blow would fall just behind an acknowledgement.
        const afterMs = random() * 60;
        before = struck;
        struck = struck.then(() => delay(afterMs)).then(strike);
      }
    },
    pace: () => before,
    over: () => struck,
  };
}

/**
 * Looks after limits that no kernel enforces by itself: memory, processes and disk of each microapp.
 *
 * @module
 */
import { messageOf } from "../../contract/mod.ts";
import { delay } from "../../flow/delay.ts";
import type { Log } from "../../flow/log.ts";
import { openScope } from "../../flow/scope.ts";
import { diskUse } from "./disk.ts";
import type { Limits } from "./limits.ts";
import { familyOf, type ProcessEntry, readProcesses, usageOf } from "./processes.ts";

/** A microapp under guard. */
export interface Guarded {
  /** The first of its processes. */
  readonly pid: number;
  readonly stateDir: string;
  readonly limits: Limits;
  /** Called once, with a sentence that names the limit; the processes are to be ended then. */
  readonly onBreach: (reason: string) => void;
}

/** Watches all microapps of a host, with one look at the process table for all of them. */
export interface Guard extends AsyncDisposable {
  /** Watches one more until the returned function is called. */
  watch(guarded: Guarded): () => void;
}

/** How often limits are looked at. */
export interface GuardPace {
  /** Between two looks at processes, in milliseconds. */
  readonly processesMs: number;
  /** Between two looks at a state directory, in milliseconds. */
  readonly diskMs: number;
}

/** The pace unless a test says otherwise. */
export const GUARD_PACE: GuardPace = { processesMs: 500, diskMs: 2_000 };

/** A look may take this part of the time at most. */
const SHARE = 20;

interface Watched extends Guarded {
  done: boolean;
  /** When its directory is looked at next, in milliseconds of the monotonic clock. */
  diskAtMs: number;
}

/** Opens a guard; it looks at nothing while it watches nobody. */
export function openGuard(
  { log, pace = GUARD_PACE }: { readonly log: Log; readonly pace?: GuardPace },
): Guard {
  const watched = new Set<Watched>();
  const scope = openScope({
    onError: (error) => log.error("sandbox.guard_failed", { error: messageOf(error) }),
  });
  let running = false;

  function breach(one: Watched, reason: string): void {
    if (one.done) return;
    one.done = true;
    watched.delete(one);
    one.onBreach(reason);
  }

  function run(): void {
    if (running) return;
    running = true;
    scope.run(async (signal) => {
      try {
        while (watched.size > 0) {
          const startedAtMs = performance.now();
          await lookAtProcesses([...watched], breach);
          await lookAtDisks([...watched], pace.diskMs, breach);
          const tookMs = performance.now() - startedAtMs;
          await delay(Math.max(pace.processesMs, tookMs * SHARE), { signal });
        }
      } finally {
        running = false;
      }
    });
  }

  return {
    watch(guarded) {
      const one: Watched = { ...guarded, done: false, diskAtMs: 0 };
      const { memoryBytes, processes, diskBytes } = guarded.limits;
      if (memoryBytes === null && processes === null && diskBytes === null) return () => undefined;
      watched.add(one);
      run();
      return () => {
        one.done = true;
        watched.delete(one);
      };
    },
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  };
}

type Breach = (one: Watched, reason: string) => void;

async function lookAtProcesses(all: readonly Watched[], breach: Breach): Promise<void> {
  const counting = all.filter(({ limits }) =>
    limits.memoryBytes !== null || limits.processes !== null
  );
  if (counting.length === 0) return;
  const table: readonly ProcessEntry[] = await readProcesses();
  for (const one of counting) {
    const { limits: { memoryBytes, processes } } = one;
    const family = familyOf(one.pid, table);
    if (processes !== null && family.length > processes) {
      breach(one, `has ${family.length} processes where ${processes} are allowed`);
    } else if (memoryBytes !== null) {
      const used = (await usageOf(family)).memoryBytes;
      if (used > memoryBytes) {
        breach(
          one,
          `uses ${mebibytes(used)} of memory where ${mebibytes(memoryBytes)} are allowed`,
        );
      }
    }
  }
}

async function lookAtDisks(
  all: readonly Watched[],
  diskMs: number,
  breach: Breach,
): Promise<void> {
  for (const one of all) {
    const { diskBytes } = one.limits;
    const startedAtMs = performance.now();
    if (diskBytes === null || startedAtMs < one.diskAtMs) continue;
    const reason = await overQuota(one.stateDir, diskBytes);
    const endedAtMs = performance.now();
    one.diskAtMs = endedAtMs + Math.max(diskMs, (endedAtMs - startedAtMs) * SHARE);
    if (reason !== null) breach(one, reason);
  }
}

/** A sentence when a state directory holds more than it may, else null. */
export async function overQuota(stateDir: string, diskBytes: number): Promise<string | null> {
  if (await diskUse(stateDir, diskBytes) <= diskBytes) return null;
  return `its state directory holds more than ${mebibytes(diskBytes)}; make room in "${stateDir}"`;
}

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 1024 / 1024)} MiB`;

/**
 * The one writer: a bounded queue of units, flushed together each time the event loop turns.
 *
 * @module
 */
import { type Clock, CodedError, messageOf } from "../contract/mod.ts";
import { backoffMs } from "../flow/backoff.ts";
import { delay } from "../flow/delay.ts";
import type { Log } from "../flow/log.ts";
import { failureOf, storeError } from "./connection.ts";
import type { Database } from "./database.ts";
import { flush, type Flushed } from "./flush.ts";
import { createHeads } from "./heads.ts";
import type { Appended, Write } from "./store.ts";

/** Writes in one flush; more would keep those who come next waiting for too long. */
const MAX_WRITES = 2_048;

/** Turns of the event loop a flush waits at most while units go on coming. */
const MAX_LOOP_TURNS = 12;

const BUSY_BACKOFF = { firstMs: 2, maxMs: 250 };

/** What the writer needs. */
export interface WriterDeps {
  /** A writing connection, owned from now on. */
  first: Database;
  /** Opens the next one, after a failure that may have harmed the last. */
  open: () => Database;
  /** Hears what was appended, after each commit. */
  onAppended: (rows: readonly Appended[]) => void;
  /** Hears of each flush. */
  onFlushed: (report: FlushReport) => void;
  now: Clock;
  log: Log;
  /** Units that may wait; one more is refused. */
  queueLimit: number;
  /** How long a unit may wait for a lock that another process holds, in milliseconds. */
  busyLimitMs: number;
}

/** How a flush ended, for whoever watches over the store. */
export interface FlushReport {
  readonly units: number;
  /** Milliseconds, waiting for locks included. */
  readonly durationMs: number;
  /** Why nothing was written; units that failed alone are not told here. */
  readonly error: CodedError | null;
}

/** The writer. Disposing drains it, empties the log when nothing is in the way, and closes. */
export interface Writer extends AsyncDisposable {
  /** See {@linkcode Store.commit}. */
  readonly commit: (unit: readonly Write[]) => Promise<void>;
  /** Refuses new units and resolves when those that wait are settled. */
  readonly drain: () => Promise<void>;
  /**
   * Runs `task` while no flush is under way, and holds the next one until it ends. Resolves with
   * false, without running it, when the writer is waiting for a lock or closed.
   */
  readonly pause: (task: () => Promise<void>) => Promise<boolean>;
}

interface Pending {
  readonly unit: readonly Write[];
  readonly resolve: () => void;
  readonly reject: (error: CodedError) => void;
}

/** Opens the writer. */
export function openWriter(deps: WriterDeps): Writer {
  const { queueLimit } = deps;
  const write = createFlusher(deps);
  const queue: Pending[] = [];
  /** The flush or pause under way; whatever comes next chains on it. */
  let turn: Promise<void> = Promise.resolve();
  let scheduled = false;
  let closed = false;
  /** Units of the flush before. */
  let lastUnits = 0;

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    turn = turn.then(gather).then(async () => {
      scheduled = false;
      const batch = takeBatch(queue);
      lastUnits = batch.length;
      if (queue.length > 0) schedule();
      await settle(write, batch, deps);
    });
  }

  /**
   * Waits until the event loop has turned without bringing a unit. Those who waited for the flush before
   * look something up first and come a turn later, so that many who work alike stay together: a flush
   * of many costs little more than one of few.
   */
  async function gather(): Promise<void> {
    const wanted = lastUnits > 1 ? 2 : 1;
    let quiet = 0;
    for (let turns = 0; turns < MAX_LOOP_TURNS && quiet < wanted; turns++) {
      const before = queue.length;
      await loopTurned();
      quiet = queue.length === before ? quiet + 1 : 0;
      if (queue.length >= MAX_WRITES) return;
    }
  }

  async function drain(): Promise<void> {
    closed = true;
    for (let last; last !== turn;) {
      last = turn;
      await last;
    }
  }

  return {
    commit(unit) {
      if (closed) {
        return Promise.reject(new CodedError("store_closed", "Cannot commit: the store is closed"));
      }
      if (queue.length >= queueLimit) {
        return Promise.reject(
          new CodedError("store_full", `Cannot commit: ${queue.length} units are waiting`),
        );
      }
      return new Promise((resolve, reject) => {
        queue.push({ unit, resolve, reject });
        schedule();
      });
    },
    async pause(task) {
      if (closed || write.recovering()) return false;
      const paused = turn.then(task);
      turn = paused.catch(() => {});
      await paused;
      return true;
    },
    drain,
    async [Symbol.asyncDispose]() {
      await drain();
      await write.close();
    },
  };
}

/** Writes a batch and tells everybody what became of it; never throws. */
async function settle(
  write: Flusher,
  batch: readonly Pending[],
  { onAppended, onFlushed, now }: WriterDeps,
): Promise<void> {
  const startedAtMs = now();
  const report = (error: CodedError | null): void =>
    onFlushed({ units: batch.length, durationMs: now() - startedAtMs, error });
  try {
    const { appended, failed } = await write.flush(batch.map(({ unit }) => unit));
    if (appended.length > 0) onAppended(appended);
    for (const [i, { resolve, reject }] of batch.entries()) {
      const error = failed.get(i);
      if (error === undefined) resolve();
      else reject(error);
    }
    report(null);
  } catch (error) {
    const coded = storeError("commit", error);
    for (const { reject } of batch) reject(coded);
    report(coded);
  }
}

function loopTurned(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** At least one unit, and no more after {@linkcode MAX_WRITES} writes. */
function takeBatch(queue: Pending[]): Pending[] {
  let writes = 0;
  let count = 0;
  for (const { unit } of queue) {
    writes += unit.length;
    if (count > 0 && writes > MAX_WRITES) break;
    count++;
  }
  return queue.splice(0, count);
}

interface Flusher {
  flush(units: readonly (readonly Write[])[]): Promise<Flushed>;
  /** Whether a flush is being replayed because of a lock. */
  recovering(): boolean;
  /** Empties the log when nothing is in the way, and closes; harmless when repeated. */
  close(): Promise<void>;
}

/**
 * Flushes until it worked. After any failure of a whole flush the connection is closed and opened
 * again before the next statement: one that has met a lock may acknowledge rows that never exist.
 */
function createFlusher({ first, open, now, log, busyLimitMs }: WriterDeps): Flusher {
  const heads = createHeads();
  let db: Database | undefined = first;
  let recovering = false;

  function drop(): void {
    db?.[Symbol.dispose]();
    db = undefined;
    heads.clear();
  }

  return {
    async flush(units) {
      const startedAtMs = now();
      for (let failures = 1;; failures++) {
        try {
          db ??= open();
          const flushed = await flush(db, heads, units, now);
          recovering = false;
          return flushed;
        } catch (error) {
          drop();
          const waitedMs = now() - startedAtMs;
          recovering = failureOf(error) === "busy" && waitedMs < busyLimitMs;
          log.warn("store.flush_failed", {
            failures,
            waitedMs,
            again: recovering,
            error: messageOf(error),
          });
          if (!recovering) throw error;
          await delay(backoffMs(failures, BUSY_BACKOFF));
        }
      }
    },
    recovering: () => recovering,
    async close() {
      try {
        db?.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      } catch (error) {
        log.warn("store.checkpoint_failed", { error: messageOf(error) });
      }
      drop();
    },
  };
}

/**
 * Moves the write-ahead log into the database file before it grows large.
 *
 * @module
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";

import { messageOf } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import type { ReaderWorker } from "./worker.ts";
import type { Writer } from "./writer.ts";

/** The log: a header, then pages of 4,096 bytes, each behind a header of its own. */
const HEADER_BYTES = 32;
const FRAME_BYTES = 4_120;
/** Where a header, and that of a page, says to which run of the log it belongs. */
const SALT_AT = 16;
const FRAME_SALT_AT = 8;
const SALT_BYTES = 8;
/** Flushes between looks at the log: a look costs as much as a row. */
const LOOK_EVERY = 8;

/** What checkpoints need. */
export interface CheckpointDeps {
  /** The database file. */
  path: string;
  /** Pages in the log from which on a checkpoint starts. */
  pages: number;
  worker: ReaderWorker;
  pauseWriter: Writer["pause"];
  log: Log;
}

/** Watches the log. */
export interface Checkpoints {
  /** Starts a checkpoint in the background when the log has grown enough; never throws. */
  consider(): void;
  /** Empties the log now. Resolves with false when a reader or a foreign lock is in the way. */
  readonly run: () => Promise<boolean>;
  /** Resolves when none is under way. */
  idle(): Promise<void>;
}

/**
 * Builds the watcher. A passive checkpoint copies beside running commits; only the short rest and
 * what begins the log anew hold the writer, which therefore never meets a lock of our own.
 *
 * A log that has grown begins anew in the same file: to write where there are bytes already costs a commit
 * a third less than to make the file longer. Only who asks for an empty log gets an empty file.
 */
export function createCheckpoints(deps: CheckpointDeps): Checkpoints {
  const { path, pages, worker, pauseWriter, log } = deps;
  let nextAtPages = pages;
  let flushes = 0;
  let running: Promise<boolean> | undefined;
  let emptying: Promise<boolean> | undefined;

  async function moveAll(how: "RESTART" | "TRUNCATE"): Promise<boolean> {
    let isMoved = false;
    await worker.exclusively(async (call) => {
      await call("PRAGMA wal_checkpoint(PASSIVE)");
      await pauseWriter(async () => {
        const [result] = await call(`PRAGMA wal_checkpoint(${how})`);
        isMoved = result?.["busy"] === 0;
      });
    });
    if (isMoved) nextAtPages = pages;
    return isMoved;
  }

  async function empty(): Promise<boolean> {
    await running?.catch(() => false);
    return moveAll("TRUNCATE");
  }

  async function relieve(): Promise<void> {
    running = moveAll("RESTART");
    try {
      // When a reader keeps the log from beginning anew, wait for more of it before the next try.
      if (!await running) nextAtPages += Math.ceil(pages / 4);
    } catch (error) {
      log.warn("store.checkpoint_failed", { error: messageOf(error) });
    } finally {
      running = undefined;
    }
  }

  return {
    consider() {
      if (++flushes % LOOK_EVERY > 0 || running !== undefined || emptying !== undefined) return;
      try {
        if (holdsPages(`${path}-wal`, nextAtPages)) void relieve();
      } catch (error) {
        log.warn("store.checkpoint_failed", { error: messageOf(error) });
      }
    },
    run: () => emptying ??= empty().finally(() => emptying = undefined),
    async idle() {
      await running?.catch(() => false);
      await emptying?.catch(() => false);
    },
  };
}

/**
 * Whether so many pages were written since the log began anew; what is behind them is of the run before.
 * Nobody locks the log itself, or to close it here would let go of the lock.
 */
function holdsPages(file: string, pages: number): boolean {
  const lastAt = HEADER_BYTES + (pages - 1) * FRAME_BYTES;
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size < lastAt + FRAME_BYTES) return false;
  const fd = openSync(file, "r");
  try {
    return saltAt(fd, SALT_AT).equals(saltAt(fd, lastAt + FRAME_SALT_AT));
  } finally {
    closeSync(fd);
  }
}

function saltAt(fd: number, position: number): Buffer {
  const salt = Buffer.alloc(SALT_BYTES);
  readSync(fd, salt, 0, SALT_BYTES, position);
  return salt;
}

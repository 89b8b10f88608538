/**
 * Moves the write-ahead log into the database file before it grows large.
 *
 * @module
 */
import { statSync } from "node:fs";

import { messageOf } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import type { ReaderWorker } from "./worker.ts";
import type { Writer } from "./writer.ts";

/** A page of 4,096 bytes and its header in the log. */
const FRAME_BYTES = 4_120;

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
 * the truncation hold the writer, which therefore never meets a lock of our own.
 */
export function createCheckpoints(deps: CheckpointDeps): Checkpoints {
  const { path, pages, worker, pauseWriter, log } = deps;
  const limitBytes = pages * FRAME_BYTES;
  let nextAtBytes = limitBytes;
  let running: Promise<boolean> | undefined;

  async function truncate(): Promise<boolean> {
    let emptied = false;
    await worker.exclusively(async (call) => {
      await call("PRAGMA wal_checkpoint(PASSIVE)");
      await pauseWriter(async () => {
        const [result] = await call("PRAGMA wal_checkpoint(TRUNCATE)");
        emptied = result?.["busy"] === 0;
      });
    });
    return emptied;
  }

  function run(): Promise<boolean> {
    running ??= truncate().finally(() => running = undefined);
    return running;
  }

  async function relieve(): Promise<void> {
    try {
      // When a reader keeps the log from being emptied, wait for more of it before the next try.
      nextAtBytes = await run() ? limitBytes : sizeOf(path) + limitBytes / 4;
    } catch (error) {
      log.warn("store.checkpoint_failed", { error: messageOf(error) });
    }
  }

  return {
    consider() {
      if (running === undefined && sizeOf(path) >= nextAtBytes) void relieve();
    },
    run,
    async idle() {
      await running?.catch(() => false);
    },
  };
}

function sizeOf(path: string): number {
  return statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

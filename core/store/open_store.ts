/**
 * Opens the database: one writer, one reader, one worker thread.
 *
 * @module
 */
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

import { type Clock, CodedError, messageOf } from "../contract/mod.ts";
import { backoffMs } from "../flow/backoff.ts";
import { delay } from "../flow/delay.ts";
import type { Log } from "../flow/log.ts";
import { createCheckpoints } from "./checkpoints.ts";
import { failureOf, openWriting, storeError } from "./connection.ts";
import type { Database } from "./database.ts";
import { createLookups } from "./lookups.ts";
import { migrate } from "./migrations.ts";
import { createReader } from "./reader.ts";
import type { Appended, Row, Store, Value } from "./store.ts";
import { openReaderWorker } from "./worker.ts";
import { type FlushReport, openWriter } from "./writer.ts";

/** How a store is opened. */
export interface StoreOptions {
  /** The database file, as `file:/path/core.db`. */
  url: string;
  /** The directory of numbered SQL files. */
  migrationsDir: string;
  now: Clock;
  log: Log;
  /** Units that may wait to be written; one more is refused with `store_full`. @default {20_000} */
  queueLimit?: number;
  /** Pages in the write-ahead log from which on it is moved into the file. @default {16_000}, 64 MB */
  checkpointPages?: number;
  /** How long writes wait for a lock of another process, in milliseconds. @default {60_000} */
  busyLimitMs?: number;
  /** Hears of each flush after its units are told. Must not throw. */
  onFlushed?: ((report: FlushReport) => void) | undefined;
}

const OPEN_BACKOFF = { firstMs: 10, maxMs: 250 };

/**
 * Opens the store, makes the file (mode 0600) when there is none, and migrates it.
 *
 * @throws {CodedError} `config_invalid` for a URL or migrations that cannot be used, `store_busy`
 * when another process keeps the file locked, `store_full` when it cannot be written
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { url, migrationsDir, now, log } = options;
  const { queueLimit = 20_000, checkpointPages = 16_000, busyLimitMs = 60_000 } = options;
  const path = pathOf(url);
  await createFile(path);

  const first = await openMigrated(path, { migrationsDir, now, log, busyLimitMs });
  const listeners = new Set<(rows: readonly Appended[]) => void>();
  const worker = openReaderWorker({ url, log });
  const writer = openWriter({
    first,
    open: () => openWriting(path),
    onAppended: (rows) => tell(listeners, rows, log),
    onFlushed(report) {
      if (report.error === null) checkpoints.consider();
      options.onFlushed?.(report);
    },
    now,
    log,
    queueLimit,
    busyLimitMs,
  });
  const checkpoints = createCheckpoints({
    path,
    pages: checkpointPages,
    worker,
    pauseWriter: writer.pause,
    log,
  });
  const reader = createReader(url, "reader");
  const readEach = createLookups((...call) => reader.read(...call));
  let disposed: Promise<void> | undefined;

  async function dispose(): Promise<void> {
    await writer.drain();
    await checkpoints.idle();
    await worker[Symbol.asyncDispose]();
    reader.close();
    await writer[Symbol.asyncDispose]();
    listeners.clear();
  }

  // The caller gets narrower rows by naming their type; nobody can check that for SQL.
  return {
    commit: writer.commit,
    read: <T extends Row>(sql: string, args: readonly Value[] = []) =>
      disposed === undefined ? reader.read(sql, args) as Promise<T[]> : refused(),
    readEach: <T extends Row>(sql: string, keys: readonly (readonly Value[])[]) =>
      disposed === undefined ? readEach(sql, keys) as Promise<(T & Called)[]> : refused(),
    readMany: <T extends Row>(sql: string, args: readonly Value[] = []) =>
      worker.run(sql, args) as Promise<T[]>,
    checkpoint: checkpoints.run,
    onAppended(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    [Symbol.asyncDispose]() {
      disposed ??= dispose();
      return disposed;
    },
  };
}

/** What tells the calls of one statement apart. */
type Called = { readonly call: number };

function refused(): Promise<never> {
  return Promise.reject(new CodedError("store_closed", "Cannot read: the store is closed"));
}

function pathOf(url: string): string {
  if (!url.startsWith("file:/")) {
    throw new CodedError(
      "config_invalid",
      `Cannot open the store: "${url}" is no file: URL with an absolute path`,
    );
  }
  return fileURLToPath(url.startsWith("file:///") ? url : `file://${url.slice("file:".length)}`);
}

/** Makes an empty file nobody else may read; SQLite gives its log and index the same mode. */
async function createFile(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    await (await open(path, "wx", 0o600)).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      throw storeError("open the store", error);
    }
  }
}

/** The first writing connection, on a database that has every migration. */
async function openMigrated(
  path: string,
  { migrationsDir, now, log, busyLimitMs }: Required<
    Pick<StoreOptions, "migrationsDir" | "now" | "log" | "busyLimitMs">
  >,
): Promise<Database> {
  const startedAtMs = now();
  for (let failures = 1;; failures++) {
    let db: Database | undefined;
    try {
      db = openWriting(path);
      const applied = await migrate(db, { dir: migrationsDir, now });
      if (applied.length > 0) {
        log.info("store.migrated", { migrations: applied.length, newest: applied.at(-1) });
      }
      return db;
    } catch (error) {
      db?.[Symbol.dispose]();
      if (failureOf(error) !== "busy" || now() - startedAtMs >= busyLimitMs) {
        throw storeError("open the store", error);
      }
      await delay(backoffMs(failures, OPEN_BACKOFF));
    }
  }
}

function tell(
  listeners: ReadonlySet<(rows: readonly Appended[]) => void>,
  rows: readonly Appended[],
  log: Log,
): void {
  for (const listener of listeners) {
    try {
      listener(rows);
    } catch (error) {
      log.error("store.listener_failed", { error: messageOf(error) });
    }
  }
}

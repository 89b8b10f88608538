/**
 * One connection to the database, with its PRAGMAs set and read back.
 *
 * @module
 */
import {
  type Client,
  createClient,
  LibsqlError,
  type ResultSet,
  type Transaction,
} from "@libsql/client/sqlite3";

import { CodedError, messageOf } from "../contract/errors.ts";
import { type Row, storableText, type Value } from "./store.ts";

/** What runs statements, one at a time. */
export interface Statements {
  execute(statement: { sql: string; args: Value[] }): Promise<ResultSet>;
}

/** What a connection is for: the one writer, small reads, or the worker's reads and checkpoints. */
export type Role = "writer" | "reader" | "worker";

/** The client blocks the event loop while it waits for a lock, so it must not wait long. */
const BUSY_TIMEOUT_MS = 50;

type Pragma = readonly [name: string, setting: string, readsBack: string | number];

/** Temporary tables and sort runs would put raw rows into files outside our directory. */
const shared: readonly Pragma[] = [
  ["journal_mode", "WAL", "wal"],
  ["synchronous", "FULL", 2],
  ["foreign_keys", "ON", 1],
  ["temp_store", "MEMORY", 2],
  ["cache_size", "-16000", -16_000],
];

const pragmas: Readonly<Record<Role, readonly Pragma[]>> = {
  // The worker checkpoints; an automatic one would stall the committing call for tens of milliseconds.
  writer: [...shared, ["secure_delete", "ON", 1], ["wal_autocheckpoint", "0", 0]],
  reader: [...shared, ["query_only", "ON", 1]],
  worker: [...shared, ["query_only", "ON", 1]],
};

/**
 * Opens a client that has exactly one connection, so that PRAGMAs hold for all it does.
 *
 * @throws {CodedError} `internal` when a PRAGMA does not read back as set
 */
export async function openConnection(url: string, role: Role): Promise<Client> {
  const client = createClient({ url, concurrency: 1, timeout: BUSY_TIMEOUT_MS });
  try {
    for (const [name, setting, expected] of pragmas[role]) {
      await client.execute(`PRAGMA ${name}=${setting}`);
      const actual = (await client.execute(`PRAGMA ${name}`)).rows[0]?.[0];
      if (actual !== expected) {
        throw new CodedError(
          "internal",
          `Cannot open the store: PRAGMA ${name} is ${JSON.stringify(actual)}, not "${expected}"`,
        );
      }
    }
    return client;
  } catch (error) {
    client.close();
    throw error;
  }
}

/**
 * Begins a transaction that holds the write lock.
 *
 * The client's own `BEGIN IMMEDIATE` is a prepared statement that, after `SQLITE_BUSY`, stays active
 * until garbage collection; a later statement then resolves without ever being committed.
 * `executeMultiple` ends each statement, so a lost race leaves nothing behind.
 */
export async function beginWrite(
  client: Client,
  lock: "IMMEDIATE" | "EXCLUSIVE" = "IMMEDIATE",
): Promise<Transaction> {
  const tx = await client.transaction("deferred");
  try {
    await tx.executeMultiple(`ROLLBACK; BEGIN ${lock}`);
    return tx;
  } catch (error) {
    await abandon(tx);
    throw error;
  }
}

/** Commits; nothing is promised before this resolves. */
export async function commitWrite(tx: Transaction): Promise<void> {
  await tx.executeMultiple("COMMIT");
  tx.close();
}

/** Rolls back whatever is open; never throws. Closing alone could leave the lock to the garbage collector. */
export async function abandon(tx: Transaction): Promise<void> {
  try {
    if (!tx.closed) await tx.executeMultiple("ROLLBACK");
    tx.close();
  } catch {
    // The connection is broken; whoever called closes its client.
  }
}

/** What a failure of SQLite means to us. */
export type Failure = "busy" | "full" | "constraint" | "other";

const failures: Readonly<Record<string, Failure>> = {
  SQLITE_BUSY: "busy",
  SQLITE_LOCKED: "busy",
  SQLITE_PROTOCOL: "busy",
  SQLITE_FULL: "full",
  SQLITE_IOERR: "full",
  SQLITE_CANTOPEN: "full",
  SQLITE_READONLY: "full",
  SQLITE_CONSTRAINT: "constraint",
};

/** Sorts any thrown value by what can be done about it. */
export function failureOf(error: unknown): Failure {
  return error instanceof LibsqlError ? failures[error.code] ?? "other" : "other";
}

/** A failure as callers of the store see it; `doing` completes "Cannot …". */
export function storeError(doing: string, error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  const message = `Cannot ${doing}: ${messageOf(error)}`;
  switch (failureOf(error)) {
    case "busy":
      return new CodedError("store_busy", message, { cause: error });
    case "full":
      return new CodedError("store_full", message, { cause: error });
    case "constraint":
      return new CodedError("conflict", message, { cause: error });
    case "other":
      return new CodedError("internal", message, { cause: error });
  }
}

/** Arguments as the database can give them back. */
export function argsOf(values: readonly Value[]): Value[] {
  return values.map((value) => typeof value === "string" ? storableText(value) : value);
}

/** Result rows as plain objects; the client gives blobs as `ArrayBuffer`. */
export function rowsOf({ columns, rows }: ResultSet): Row[] {
  return rows.map((row) => {
    const plain: Record<string, Value> = {};
    for (const column of columns) {
      const value = row[column] ?? null;
      plain[column] = value instanceof ArrayBuffer ? new Uint8Array(value) : value;
    }
    return plain;
  });
}

/** A text column's value. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  throw new TypeError("Cannot read a text column: the value is no text");
}

/**
 * The store's connections, with their PRAGMAs set and read back, and what their failures mean.
 *
 * @module
 */
import { type Client, createClient, type ResultSet } from "@libsql/client/sqlite3";

import { CodedError, messageOf } from "../contract/errors.ts";
import { type Database, openDatabase } from "./database.ts";
import type { Row, Value } from "./store.ts";

/** What a reading connection is for: small reads, or the worker's reads and checkpoints. */
export type Role = "reader" | "worker";

/** The event loop is blocked while a connection waits for a lock, so it must not wait long. */
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

const pragmas: Readonly<Record<Role | "writer", readonly Pragma[]>> = {
  // The worker checkpoints; an automatic one would stall the committing call for tens of milliseconds.
  writer: [...shared, ["secure_delete", "ON", 1], ["wal_autocheckpoint", "0", 0]],
  reader: [...shared, ["query_only", "ON", 1]],
  worker: [...shared, ["query_only", "ON", 1]],
};

/**
 * Opens the connection that writes the file at `path`.
 *
 * @throws {CodedError} `internal` when a PRAGMA does not read back as set
 */
export function openWriting(path: string): Database {
  const db = openDatabase(path, { timeoutMs: BUSY_TIMEOUT_MS });
  try {
    for (const pragma of pragmas.writer) {
      const [name, setting] = pragma;
      db.exec(`PRAGMA ${name}=${setting}`);
      checkPragma(pragma, Object.values(db.all(`PRAGMA ${name}`)[0] ?? {})[0]);
    }
    return db;
  } catch (error) {
    db[Symbol.dispose]();
    throw error;
  }
}

/**
 * Opens a client that has exactly one connection, so that PRAGMAs hold for all it does.
 *
 * @throws {CodedError} `internal` when a PRAGMA does not read back as set
 */
export async function openReading(url: string, role: Role): Promise<Client> {
  const client = createClient({ url, concurrency: 1, timeout: BUSY_TIMEOUT_MS });
  try {
    for (const pragma of pragmas[role]) {
      const [name, setting] = pragma;
      await client.execute(`PRAGMA ${name}=${setting}`);
      checkPragma(pragma, (await client.execute(`PRAGMA ${name}`)).rows[0]?.[0]);
    }
    return client;
  } catch (error) {
    client.close();
    throw error;
  }
}

function checkPragma([name, , expected]: Pragma, actual: unknown): void {
  if (actual === expected) return;
  throw new CodedError(
    "internal",
    `Cannot open the store: PRAGMA ${name} is ${JSON.stringify(actual)}, not "${expected}"`,
  );
}

/** What a failure of SQLite means to us. */
export type Failure = "busy" | "full" | "constraint" | "other";

/** By SQLite's primary result codes: https://sqlite.org/rescode.html */
const failures: ReadonlyMap<number, Failure> = new Map([
  [5, /* BUSY */ "busy"],
  [6, /* LOCKED */ "busy"],
  [15, /* PROTOCOL */ "busy"],
  [8, /* READONLY */ "full"],
  [10, /* IOERR */ "full"],
  [13, /* FULL */ "full"],
  [14, /* CANTOPEN */ "full"],
  [19, /* CONSTRAINT */ "constraint"],
]);

/** Sorts any thrown value by what can be done about it. */
export function failureOf(error: unknown): Failure {
  const code = error instanceof Error && "rawCode" in error ? Number(error.rawCode) : 0;
  // An extended code has the primary one in its lowest byte.
  return failures.get(code & 0xff) ?? "other";
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

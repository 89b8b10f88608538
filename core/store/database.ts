/**
 * A connection that writes, with its statements kept prepared.
 *
 * `@libsql/client` prepares each statement anew, which was a third of what a row costs. This is the driver it
 * is made of.
 *
 * @module
 */
import Libsql from "libsql";
import { LRUCache } from "lru-cache";

import { type Row, storableText, type Value } from "./store.ts";

/** Texts whose statements are kept; a daemon writes by some fifty. */
const MAX_KEPT = 200;

/** One connection. It is synchronous: whatever it does keeps the event loop. */
export interface Database extends Disposable {
  /**
   * Runs a statement over rows of values, for which `$rows` stands in it if there may be several, and
   * tells how many rows of its table it changed or, with RETURNING, gave back.
   */
  run(sql: string, ...rows: readonly (readonly Value[])[]): number;
  /** Runs a statement over one row of values and gives what it returns; integers beyond 2^53 lose digits. */
  all(sql: string, args?: readonly Value[]): Row[];
  /** Runs statements that have no values and return nothing. */
  exec(sql: string): void;
  /** Begins a transaction that holds the write lock. */
  begin(lock?: "IMMEDIATE" | "EXCLUSIVE"): void;
  /** Commits; nothing is promised before this returns. */
  commit(): void;
  /** Rolls back whatever is open; never throws. */
  rollback(): void;
  /** Whether a transaction is open. */
  inTransaction(): boolean;
}

interface Kept {
  readonly statement: Libsql.Statement;
  readonly returnsRows: boolean;
}

/**
 * Opens the file at `path`; statements wait `timeoutMs` milliseconds for a lock, and keep the event loop
 * meanwhile.
 */
export function openDatabase(path: string, { timeoutMs }: { timeoutMs: number }): Database {
  const db = new Libsql(path, { timeout: timeoutMs });
  /**
   * By text and by how many values they take: a statement that gets fewer than in its last run would keep
   * some of those.
   */
  const kept = new LRUCache<string, Map<number, Kept>>({ max: MAX_KEPT });

  function prepared(sql: string, values: readonly Value[], rows: number): Kept {
    let ofText = kept.get(sql);
    if (ofText === undefined) kept.set(sql, ofText = new Map());
    const found = ofText.get(values.length);
    if (found !== undefined) return found;
    // A function: the replacement must not be read as a pattern.
    const text = sql.replace("$rows", () => valueMarks(values.length / rows, rows));
    const statement = db.prepare(text);
    const made = { statement, returnsRows: statement.reader };
    ofText.set(values.length, made);
    return made;
  }

  function all(sql: string, args: readonly Value[] = []): Row[] {
    const values = argsOf([args]);
    const rows = prepared(sql, values, 1).statement.all(values);
    return (rows as Record<string, unknown>[]).map(plainRow);
  }

  /** Asking a closed connection would end the process. */
  const inTransaction = (): boolean => db.open && db.inTransaction;

  return {
    run(sql, ...rows) {
      const values = argsOf(rows);
      const { statement, returnsRows } = prepared(sql, values, rows.length);
      return returnsRows ? statement.all(values).length : statement.run(values).changes;
    },
    all,
    exec: (sql) => void db.exec(sql),
    begin: (lock = "IMMEDIATE") => void db.exec(`BEGIN ${lock}`),
    commit: () => void db.exec("COMMIT"),
    inTransaction,
    rollback() {
      try {
        if (inTransaction()) db.exec("ROLLBACK");
      } catch {
        // The connection is broken; whoever called closes it.
      }
    },
    [Symbol.dispose]() {
      kept.clear();
      if (db.open) db.close();
    },
  };
}

/**
 * Rows of values as one, each as the database can give it back.
 *
 * @throws {RangeError} for a number that is none
 */
export function argsOf(rows: readonly (readonly Value[])[]): Value[] {
  const values: Value[] = [];
  for (const row of rows) {
    // By number: an iterator makes an object for each value, which was a fifteenth of a turn's garbage.
    for (let i = 0; i < row.length; i++) values.push(storable(row[i] ?? null));
  }
  return values;
}

function storable(value: Value): Value {
  if (typeof value === "string") return storableText(value);
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new RangeError(`Cannot store ${value}: it is no finite number`);
  }
  return value;
}

/** `(?,?),(?,?),…` for so many rows of so many values. */
export function valueMarks(width: number, count: number): string {
  const values = `(${"?,".repeat(width).slice(0, -1)})`;
  return `${values},`.repeat(count).slice(0, -1);
}

/** The driver gives blobs as `ArrayBuffer`. */
function plainRow(row: Record<string, unknown>): Row {
  const plain: Record<string, Value> = {};
  for (const [column, value] of Object.entries(row)) {
    plain[column] = value instanceof ArrayBuffer ? new Uint8Array(value) : value as Value;
  }
  return plain;
}

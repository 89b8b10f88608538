/**
 * The database as rooms see it: units of work in, rows out.
 *
 * @module
 */

/**
 * A value SQLite can hold. Booleans are stored as 0 and 1 by the caller, and text as
 * {@linkcode storableText} gives it.
 */
export type Value = string | number | bigint | Uint8Array | null;

/** Column values of one row. */
export type Row = Readonly<Record<string, Value>>;

/** One new row. `ignore` skips a row that breaks a unique constraint; otherwise its unit fails. */
export interface Insert {
  readonly type: "insert";
  readonly table: string;
  readonly row: Row;
  readonly onConflict?: "ignore" | undefined;
}

/**
 * Any other statement. With `changes`, the unit fails with `conflict` when another number of rows
 * changed or, with RETURNING, came back. It is kept prepared by its text, which should therefore be the
 * same each time, whatever the values.
 */
export interface Statement {
  readonly type: "statement";
  readonly sql: string;
  readonly args: readonly Value[];
  readonly changes?: number | undefined;
}

/**
 * A statement over rows of values, which stand for `$rows` in it: `… (VALUES $rows) …`. Those of one
 * text that are committed together run as one statement, so that the work of many units costs little
 * more than that of one. With `changes`, each row of values must change exactly one row of the table,
 * or its unit fails with `conflict`.
 */
export interface Bulk {
  readonly type: "bulk";
  readonly sql: string;
  /** At least one; all as long as the statement wants them. */
  readonly rows: readonly (readonly Value[])[];
  readonly changes: "one each" | "any";
  /**
   * Rows of values that agree in so many of the first, texts or numbers, are one, and their other values,
   * numbers, are added up. @default each row counts for itself
   */
  readonly summedBy?: number | undefined;
}

/** Where a row stands in a stream. */
export interface Position {
  /** 1, 2, 3, … without a gap, in commit order. */
  readonly offset: number;
  /** The hash the row before it was appended with; empty for the first. */
  readonly prevHash: string;
}

/**
 * Rows that are numbered without a gap. The head of a stream that is only named is kept beside its rows, so
 * that it goes on where it was when those are deleted. With `newest`, a statement that gives the number
 * of the newest row as `offset`, a stream has no head but that row, and begins anew when all are gone.
 */
export type Stream = string | {
  readonly name: string;
  readonly newest: { readonly sql: string; readonly args: readonly Value[] };
};

/** A row whose content depends on its place in one or more streams, fixed when it is written. */
export interface Append {
  readonly type: "append";
  readonly table: string;
  /** For example `events` and `events:acme`. */
  readonly streams: readonly Stream[];
  /**
   * Called by the writer, in commit order; called again when the transaction is tried again, so it
   * must be pure. `hash` becomes the next row's `prevHash` in every stream.
   */
  readonly row: (positions: readonly Position[]) => { row: Row; hash?: string };
}

/**
 * One thing to write. Build them with {@linkcode insert}, {@linkcode statement}, {@linkcode bulk},
 * {@linkcode append}: writes of a type then have the same members, which the engine finds quicker.
 */
export type Write = Insert | Statement | Bulk | Append;

/** Rows written by an {@linkcode Append}, as listeners hear of them after the commit. */
export interface Appended {
  readonly table: string;
  readonly row: Row;
}

/** The store. All reads see committed rows only. Disposing writes what is queued, then closes. */
export interface Store extends AsyncDisposable {
  /**
   * Writes a unit of work: all or nothing. Units of callers that come in the same turn of the event
   * loop share one transaction; a unit that fails fails alone. Resolves after the commit is on disk.
   *
   * In one transaction all inserts run first (those that may be skipped after the others), then
   * statements and appends in the order given: no unit may rely on a statement that was not awaited.
   * Bulks come in the order of their unit too, but before rows that were appended since the last
   * plain statement. While another process holds the database the unit waits, up to a minute unless
   * the store was opened with another limit.
   *
   * @throws {CodedError} `conflict` on a broken constraint or an unexpected number of changes,
   * `store_full` when too many units wait or the disk fails, `store_busy` when the wait was too long,
   * `store_closed` after disposal, `internal` for wrong SQL or values. Nothing of the unit is written
   */
  commit(unit: readonly Write[]): Promise<void>;
  /** Reads a few rows (up to about 50) on this thread; integers beyond 2^53 cannot be read. */
  read<T extends Row = Row>(sql: string, args?: readonly Value[]): Promise<T[]>;
  /**
   * Reads a few rows for each of some keys, as {@linkcode Store.read}. Calls with one text that come in
   * the same turn of the event loop run as one statement. In it `$rows` stands for the keys, each
   * behind the number of its call, which every row must bring back as `call`:
   * `WITH given (call, id) AS (VALUES $rows) SELECT given.call, … FROM given JOIN …`.
   */
  readEach<T extends Row = Row>(
    sql: string,
    keys: readonly (readonly Value[])[],
  ): Promise<(T & { readonly call: number })[]>;
  /** Reads many rows on the worker thread. */
  readMany<T extends Row = Row>(sql: string, args?: readonly Value[]): Promise<T[]>;
  /**
   * Empties the write-ahead log into the database file, so that what was deleted is in neither.
   * Happens by itself as the log grows; resolves with false when something was in the way.
   */
  checkpoint(): Promise<boolean>;
  /**
   * Hears appended rows after each commit, in commit order and before the commit resolves. What a
   * listener throws is logged. Returns the way to stop.
   */
  onAppended(listener: (rows: readonly Appended[]) => void): () => void;
}

/**
 * Text as it will be read back: U+0000, where the client would cut it off, becomes U+2400, and half
 * of a surrogate pair U+FFFD. The store does this by itself; hashes must be taken after it.
 */
export function storableText(text: string): string {
  if (!text.includes("\0") && text.isWellFormed()) return text;
  return text.replaceAll("\0", "\u2400").replaceAll(/\p{Cs}/gu, "\ufffd");
}

/** A new row in `table`. */
export function insert(table: string, row: Row, onConflict?: "ignore"): Insert {
  return { type: "insert", table, row, onConflict };
}

/** A statement that must change exactly `changes` rows, when given. */
export function statement(sql: string, args: readonly Value[], changes?: number): Statement {
  return { type: "statement", sql, args, changes };
}

/** A statement over rows of values; see {@linkcode Bulk}. */
export function bulk(
  sql: string,
  rows: readonly (readonly Value[])[],
  changes: Bulk["changes"],
  summedBy?: number,
): Bulk {
  return { type: "bulk", sql, rows, changes, summedBy };
}

/** A row in one or more streams. */
export function append(table: string, streams: readonly Stream[], row: Append["row"]): Append {
  return { type: "append", table, streams, row };
}

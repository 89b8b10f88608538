/**
 * Rows on their way into tables, many per statement.
 *
 * @module
 */
import { CodedError } from "../contract/mod.ts";
import { argsOf, type Statements } from "./connection.ts";
import type { Row, Value } from "./store.ts";

/** SQLite's `SQLITE_MAX_VARIABLE_NUMBER`. */
const MAX_VARIABLES = 32_766;

/** Keeps one statement's text and arguments small enough to build and parse quickly. */
const MAX_ROWS = 500;

const isName = /^[a-z_][a-z0-9_]*$/i;

interface Group {
  readonly table: string;
  readonly columns: readonly string[];
  readonly ignore: boolean;
  readonly rows: Row[];
}

/** Rows waiting to be inserted, grouped by table, columns and what a duplicate does. */
export interface RowBuffer {
  /** Adds a row. Rows of one group keep their order. */
  add(table: string, row: Row, onConflict: "ignore" | undefined): void;
  /**
   * Inserts all rows and empties the buffer. Rows that may be skipped come last, so that they never
   * stand in the way of one that may not.
   */
  write(tx: Statements): Promise<void>;
}

/** Makes an empty buffer. */
export function createRowBuffer(): RowBuffer {
  /** By table; most have one, for rows of a table are made in one place. */
  const tables = new Map<string, Group[]>();
  return {
    add(table, row, onConflict) {
      const columns = Object.keys(row);
      const ignore = onConflict === "ignore";
      const groups = tables.get(table) ?? [];
      tables.set(table, groups);
      let group = groups.find((one) => one.ignore === ignore && isSame(one.columns, columns));
      if (group === undefined) {
        checkNames(table, columns);
        group = { table, columns, ignore, rows: [] };
        groups.push(group);
      }
      group.rows.push(row);
    },
    async write(tx) {
      for (const ignore of [false, true]) {
        for (const group of [...tables.values()].flat()) {
          if (group.ignore === ignore) await insertRows(tx, group);
        }
      }
      tables.clear();
    },
  };
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, i) => name === other[i]);
}

function checkNames(table: string, columns: readonly string[]): void {
  if (columns.length === 0) throw new TypeError(`Cannot insert into "${table}": the row is empty`);
  const wrong = [table, ...columns].find((name) => !isName.test(name));
  if (wrong !== undefined) {
    throw new TypeError(`Cannot insert into "${table}": "${wrong}" is no name`);
  }
}

async function insertRows(tx: Statements, group: Group): Promise<void> {
  const { table, columns, ignore, rows } = group;
  for (const chunk of chunksOf(rows, columns.length)) {
    const args: Value[] = [];
    for (const row of chunk) for (const column of columns) args.push(row[column] ?? null);
    const { rowsAffected } = await tx.execute({
      sql: `${insertInto(group)} ${valueMarks(columns.length, chunk.length)}${
        ignore ? " ON CONFLICT DO NOTHING" : ""
      }`,
      args: argsOf(args),
    });
    if (!ignore && rowsAffected !== chunk.length) {
      throw new CodedError(
        "internal",
        `Cannot insert into "${table}": ${rowsAffected} of ${chunk.length} rows were written`,
      );
    }
  }
}

/** `ON CONFLICT DO NOTHING` passes over unique constraints only; `OR IGNORE` would hide all of them. */
function insertInto({ table, columns }: Group): string {
  return `INSERT INTO "${table}" (${columns.map((column) => `"${column}"`).join()}) VALUES`;
}

/** Rows in portions that fit into one statement. */
export function* chunksOf<T>(rows: readonly T[], width: number): Generator<readonly T[]> {
  const step = Math.min(MAX_ROWS, Math.floor(MAX_VARIABLES / width));
  if (rows.length <= step) return yield rows;
  for (let from = 0; from < rows.length; from += step) yield rows.slice(from, from + step);
}

/** `(?,?),(?,?),…` for so many rows of so many values. */
export function valueMarks(width: number, count: number): string {
  const values = `(${"?,".repeat(width).slice(0, -1)})`;
  return `${values},`.repeat(count).slice(0, -1);
}

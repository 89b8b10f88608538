/**
 * Rows on their way into tables, many per statement.
 *
 * @module
 */
import { CodedError } from "../contract/mod.ts";
import type { Breath } from "./breath.ts";
import type { Database } from "./database.ts";
import type { Row, Value } from "./store.ts";

/** Rows in one statement; more would be no quicker. */
const MAX_ROWS = 64;

const isName = /^[a-z_][a-z0-9_]*$/i;

interface Group {
  readonly table: string;
  readonly columns: readonly string[];
  readonly ignore: boolean;
  readonly rows: (readonly Value[])[];
}

/** Rows waiting to be inserted, grouped by table, columns and what a duplicate does. */
export interface RowBuffer {
  /** Adds a row. Rows of one group keep their order. */
  add(table: string, row: Row, onConflict: "ignore" | undefined): void;
  /**
   * Inserts all rows and empties the buffer. Rows that may be skipped come last, so that they never
   * stand in the way of one that may not.
   */
  write(db: Database, breath: Breath): Promise<void>;
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
      group.rows.push(Object.values(row));
    },
    async write(db, breath) {
      for (const ignore of [false, true]) {
        for (const group of [...tables.values()].flat()) {
          if (group.ignore === ignore) await insertRows(db, group, breath);
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

async function insertRows(db: Database, group: Group, breath: Breath): Promise<void> {
  const { table, ignore, rows } = group;
  const sql = insertInto(group);
  for (const chunk of chunksOf(rows)) {
    const written = db.run(sql, ...chunk);
    if (!ignore && written !== chunk.length) {
      throw new CodedError(
        "internal",
        `Cannot insert into "${table}": ${written} of ${chunk.length} rows were written`,
      );
    }
    const pause = breath();
    if (pause !== undefined) await pause;
  }
}

/** `ON CONFLICT DO NOTHING` passes over unique constraints only; `OR IGNORE` would hide all of them. */
function insertInto({ table, columns, ignore }: Group): string {
  const names = columns.map((column) => `"${column}"`).join();
  return `INSERT INTO "${table}" (${names}) VALUES $rows${ignore ? " ON CONFLICT DO NOTHING" : ""}`;
}

/** Rows in portions of 64, 32, 16, …: the fewer sizes there are, the more statements are prepared already. */
export function* chunksOf<T>(rows: readonly T[]): Generator<readonly T[]> {
  let size = MAX_ROWS;
  for (let from = 0; from < rows.length; from += size) {
    while (size > rows.length - from) size /= 2;
    yield rows.slice(from, from + size);
  }
}

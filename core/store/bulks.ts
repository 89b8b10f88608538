/**
 * Statements over rows of values, gathered from many units, one run for each text.
 *
 * @module
 */
import { CodedError } from "../contract/mod.ts";
import type { Breath } from "./breath.ts";
import type { Database } from "./database.ts";
import { chunksOf } from "./rows.ts";
import type { Bulk, Value } from "./store.ts";

interface Group {
  readonly sql: string;
  readonly changes: Bulk["changes"];
  readonly rows: (readonly Value[])[];
  readonly summedBy: number | undefined;
}

/** Bulks waiting to run. */
export interface BulkBuffer {
  /**
   * Adds a bulk of the unit under way; false when it would run before one of the unit's own that was
   * added earlier: run the buffer first, then add it again.
   */
  add(bulk: Bulk): boolean;
  /** The next bulks are another unit's, which may run in any order beside this one's. */
  nextUnit(): void;
  /** Runs them, those of one text together, and empties the buffer. */
  run(db: Database, breath: Breath): Promise<void>;
}

/** Makes an empty buffer. */
export function createBulkBuffer(): BulkBuffer {
  const groups = new Map<string, Group & { readonly place: number }>();
  /** Where the unit under way has come to, so that its bulks keep their order. */
  let reached = 0;
  return {
    add({ sql, rows, changes, summedBy }) {
      let group = groups.get(sql);
      if (group === undefined) {
        group = { sql, changes, rows: [], summedBy, place: groups.size };
        groups.set(sql, group);
      }
      if (group.place < reached) return false;
      reached = group.place;
      for (const row of rows) group.rows.push(row);
      return true;
    },
    nextUnit: () => void (reached = 0),
    async run(db, breath) {
      for (const group of groups.values()) await runGroup(db, group, breath);
      groups.clear();
      reached = 0;
    },
  };
}

async function runGroup(
  db: Database,
  { sql, changes, rows: given, summedBy }: Group,
  breath: Breath,
): Promise<void> {
  const rows = summedBy === undefined ? given : summed(given, summedBy);
  const width = rows[0]?.length;
  if (width === undefined) return;
  for (const chunk of chunksOf(rows)) {
    if (chunk.some((row) => row.length !== width)) {
      throw new TypeError("Cannot commit: the rows of a bulk differ in length");
    }
    const changed = db.run(sql, ...chunk);
    if (changes === "one each" && changed !== chunk.length) {
      throw new CodedError(
        "conflict",
        `Cannot commit: a statement changed ${changed} rows, not ${chunk.length}`,
      );
    }
    const pause = breath();
    if (pause !== undefined) await pause;
  }
}

/** Adds up the rows that agree in their first `keys` values. */
function summed(rows: readonly (readonly Value[])[], keys: number): (readonly Value[])[] {
  const sums = new Map<string, Value[]>();
  for (const row of rows) {
    const key = JSON.stringify(row.slice(0, keys));
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, [...row]);
    else for (let i = keys; i < row.length; i++) sum[i] = Number(sum[i]) + Number(row[i]);
  }
  return [...sums.values()];
}

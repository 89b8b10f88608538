/**
 * Small reads of many callers, gathered into one statement for each text.
 *
 * @module
 */
import type { Reader } from "./reader.ts";
import { valueMarks } from "./database.ts";
import type { Row, Value } from "./store.ts";

/** Calls in one statement; more would keep the event loop busy for too long at a time. */
const MAX_CALLS = 32;

interface Call {
  readonly rows: readonly (readonly Value[])[];
  readonly resolve: (rows: Row[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Returns the function behind {@linkcode Store.readEach}. */
export function createLookups(
  read: Reader["read"],
): (sql: string, rows: Call["rows"]) => Promise<Row[]> {
  let waiting = new Map<string, Call[]>();

  function readWaiting(): void {
    const all = waiting;
    // Another one, since an old map that is cleared keeps what it held alive; see `createPassingMap`.
    waiting = new Map();
    for (const [sql, calls] of all) {
      for (let from = 0; from < calls.length; from += MAX_CALLS) {
        void readTogether(sql, calls.slice(from, from + MAX_CALLS));
      }
    }
  }

  /** Never rejects: the callers hear of a failure. */
  async function readTogether(sql: string, calls: readonly Call[]): Promise<void> {
    const given = calls.flatMap(({ rows }, call) => rows.map((row) => [call, ...row]));
    try {
      const width = given[0]?.length ?? 0;
      const found = await read(
        // A function: the replacement must not be read as a pattern.
        sql.replace("$rows", () => valueMarks(width, given.length)),
        given.flat(),
      );
      const rowsOf: Row[][] = calls.map(() => []);
      for (const row of found) rowsOf[Number(row["call"])]?.push(row);
      calls.forEach(({ resolve }, call) => resolve(rowsOf[call] ?? []));
    } catch (error) {
      for (const { reject } of calls) reject(error);
    }
  }

  return (sql, rows) =>
    new Promise((resolve, reject) => {
      if (rows.length === 0) return resolve([]);
      if (waiting.size === 0) setImmediate(readWaiting);
      const calls = waiting.get(sql);
      const call = { rows, resolve, reject };
      if (calls === undefined) waiting.set(sql, [call]);
      else calls.push(call);
    });
}

/**
 * How lists are cut into pages.
 *
 * @module
 */
import type { Row, Store, Value } from "../store/store.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1000;
/** Above this many rows a read belongs on the store's worker thread. */
export const FEW_ROWS = 50;

/** Rows in one page: 50 when nothing sensible is asked for, 1,000 at most. */
export function clampLimit(limit: number | undefined): number {
  if (limit === undefined || !Number.isFinite(limit) || limit < 1) return DEFAULT_LIMIT;
  return Math.min(Math.floor(limit), MAX_LIMIT);
}

/** Reads up to `limit` rows on the thread that suits their number. */
export function readPage<T extends Row>(
  store: Pick<Store, "read" | "readMany">,
  limit: number,
  sql: string,
  args: readonly Value[],
): Promise<T[]> {
  return limit > FEW_ROWS ? store.readMany<T>(sql, args) : store.read<T>(sql, args);
}

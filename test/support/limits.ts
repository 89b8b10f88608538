/**
 * Limits over a disk that a test can stop, fail and look at.
 *
 * @module
 */
import type {
  BucketKey,
  BucketRows,
  BucketState,
  KeptBucket,
} from "../../core/limits/bucket_rows.ts";
import { openBuckets } from "../../core/limits/buckets.ts";
import { createToolLimits, type ToolLimits } from "../../core/limits/tool_limits.ts";
import { type Insert, insert, type Store } from "../../core/store/store.ts";

/** A disk in memory: what was committed outlives the buckets over it. */
export interface BucketDisk {
  readonly rows: BucketRows;
  readonly store: Pick<Store, "commit">;
  /** Commits so far. */
  commits: number;
  /** Runs before each commit; a rejection fails it, and a promise that never ends is a crash. */
  before: () => Promise<void>;
}

const idOf = ({ account, agentId, bindingId, name }: BucketKey): string =>
  JSON.stringify([account, agentId, bindingId, name]);

/** Returns an empty disk. */
export function createBucketDisk(): BucketDisk {
  const kept = new Map<string, KeptBucket>();
  const rowOf = (key: BucketKey, state: BucketState) => insert("x", { id: idOf(key), ...state });
  const known = new Map<string, BucketKey>();
  const disk: BucketDisk = {
    commits: 0,
    before: () => Promise.resolve(),
    rows: {
      find: (key) => Promise.resolve(kept.get(idOf(key))?.state),
      rowsForKept(key, state) {
        known.set(idOf(key), key);
        return [rowOf(key, state)];
      },
      rowsForReplaced: ({ key }, state) => [rowOf(key, state)],
      listForOperator: (after) => Promise.resolve(after === undefined ? [...kept.values()] : []),
    },
    store: {
      async commit(unit) {
        await disk.before();
        disk.commits += 1;
        for (const { row } of unit as readonly (Insert & { row: BucketState & { id: string } })[]) {
          const { id, ...state } = row;
          const key = known.get(id);
          if (key !== undefined) kept.set(id, { key, state });
        }
      },
    },
  };
  return disk;
}

/** Tool limits that begin with nothing used. */
export function openTestLimits(
  { now, maxBuckets }: { now: () => number; maxBuckets?: number },
): ToolLimits {
  return createToolLimits({
    buckets: openBuckets({ ...createBucketDisk(), now, writes: "ahead", maxBuckets }),
  });
}

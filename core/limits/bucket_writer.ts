/**
 * Puts buckets on disk, a block of calls ahead of what is taken.
 *
 * @module
 */
import type { Clock } from "../contract/mod.ts";
import type { Store, Write } from "../store/store.ts";
import { blockOf, type Bucket, passTime, TAKEN, type Waiter } from "./bucket.ts";
import type { BucketRows } from "./bucket_rows.ts";

/** What writing needs. */
export interface BucketWriterDeps {
  readonly store: Pick<Store, "commit">;
  readonly rows: BucketRows;
  readonly now: Clock;
}

/** Writes that are under way. */
export interface BucketWriter {
  /** Writes those that are not being written; the others see to it themselves. Never rejects. */
  readonly start: (buckets: readonly Bucket[]) => Promise<void>;
  /** Resolves when nothing is being written. */
  readonly idle: () => Promise<void>;
}

/** Returns the writer. */
export function createBucketWriter(
  { store, rows, now }: BucketWriterDeps,
): BucketWriter {
  const running = new Set<Promise<void>>();

  /** Writes until nobody wants it. Never rejects: those who wait hear of a failure. */
  async function write(buckets: readonly Bucket[]): Promise<void> {
    let wanting = buckets.filter(isWanted);
    while (wanting.length > 0) {
      const batches = wanting.map(begin);
      try {
        await store.commit(wanting.flatMap(rowsOf));
        for (const bucket of wanting) bucket.kept = bucket.coming;
        for (const { go } of batches.flat()) go(TAKEN);
      } catch (error) {
        wanting.forEach((bucket, i) => {
          bucket.used = Math.max(0, bucket.used - (batches[i]?.length ?? 0));
        });
        for (const { fail } of batches.flat()) fail(error);
      }
      for (const bucket of wanting) bucket.coming = 0;
      wanting = buckets.filter(isWanted);
    }
    for (const bucket of buckets) bucket.writing = false;
  }

  /** Fixes what is going to be on disk; returns who waits for it. */
  function begin(bucket: Bucket): Waiter[] {
    passTime(bucket, now());
    bucket.coming = bucket.used + blockOf(bucket.rate) - 1;
    bucket.wanted = false;
    const { waiting } = bucket;
    bucket.waiting = [];
    return waiting;
  }

  function rowsOf({ key, coming, atMs, rate: { rps }, gone }: Bucket): Write[] {
    // What an agent that was deleted still uses is nobody's, and must not come back to life.
    return gone ? [] : rows.rowsForKept(key, { used: coming, atMs, rps });
  }

  return {
    start(buckets) {
      const free = buckets.filter(({ writing }) => !writing);
      for (const bucket of free) bucket.writing = true;
      const done: Promise<void> = write(free).finally(() => running.delete(done));
      running.add(done);
      return done;
    },
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}

function isWanted({ waiting, wanted }: Bucket): boolean {
  return waiting.length > 0 || wanted;
}

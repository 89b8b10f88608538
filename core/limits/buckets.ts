/**
 * Token buckets that no restart, crash or eviction fills.
 *
 * Counting happens in memory, where it is exact. The disk is always ahead: a row says that at least as
 * much was taken as really was, because it is written for a whole block of calls before the first of
 * them is made. After a crash a bucket has at most that block less than it should, and never more.
 *
 * @module
 */
import type { Clock } from "../contract/mod.ts";
import type { Store } from "../store/store.ts";
import {
  blockOf,
  type Bucket,
  type Draw,
  openBucket,
  passTime,
  pastOf,
  setRate,
  TAKEN,
} from "./bucket.ts";
import { createBucketCache } from "./bucket_cache.ts";
import { createBucketMap } from "./bucket_map.ts";
import type { BucketKey, BucketRows } from "./bucket_rows.ts";
import { createBucketWriter } from "./bucket_writer.ts";
import type { Rate } from "./tool_patterns.ts";

/** The buckets. Disposing writes what each really holds; call it before the store closes. */
export interface Buckets extends AsyncDisposable {
  /**
   * Takes a token; at once where that is already on disk, otherwise after it is. A new rate holds
   * from now on, and what was taken stays taken, as far as the new burst goes.
   *
   * @throws what the store throws; nothing was taken then
   */
  take(key: BucketKey, rate: Rate): Draw | Promise<Draw>;
  /** The bucket of a key, when it is in memory. */
  find(key: BucketKey): Bucket | undefined;
  /** Takes a token of a bucket that was just found, as {@linkcode Buckets.take} does. */
  draw(bucket: Bucket, rate: Rate): Draw | Promise<Draw>;
  /** Gives a token back that was not used after all. */
  giveBack(key: BucketKey): void;
  /**
   * The rates may have changed: `rateOf` says what holds for a bucket from now on, undefined when
   * nothing does; what it held until now comes back at the old rate. Resolves when that is on disk.
   */
  reload(rateOf: (key: BucketKey) => Rate | undefined): Promise<void>;
  /** Forgets what these agents used. */
  forgetAgents(isGone: (agentId: string) => boolean): void;
}

/** What counting needs. */
export interface BucketsDeps {
  readonly store: Pick<Store, "commit">;
  readonly rows: BucketRows;
  readonly now: Clock;
  /**
   * `ahead`: a call waits until its block is on disk. `behind`: no call waits, and a crash forgets
   * the calls of its last moment.
   */
  readonly writes: "ahead" | "behind";
  /**
   * Buckets in memory; those not used for longest are read from disk when they are used again. @default
   * {100000}
   */
  readonly maxBuckets?: number | undefined;
}

/** Tokens: steps of rounding must not cost a call that is due. */
const ROUNDING = 1e-9;
/** Rows in one commit of many. */
const ROWS_AT_ONCE = 500;

/** A bucket being read from disk, and how many calls are going to use it then. */
interface Opening {
  readonly bucket: Promise<Bucket>;
  callers: number;
}

/** Opens buckets over what the disk knows. */
export function openBuckets(deps: BucketsDeps): Buckets {
  const { store, rows, now, writes, maxBuckets = 100_000 } = deps;
  const openings = createBucketMap<Opening>();
  const writer = createBucketWriter({ store, rows, now });
  const buckets = createBucketCache<Bucket>(
    maxBuckets,
    // One in use stays: read again now, it would not know of what is on its way to the disk.
    ({ key, writing }) => writing || openings.get(key) !== undefined,
  );

  async function openAndDraw(key: BucketKey, rate: Rate): Promise<Draw> {
    let opening = openings.get(key);
    if (opening === undefined) {
      const bucket = rows.find(key).then((state) => {
        const opened = openBucket(key, rate, { state, nowMs: now() });
        buckets.remember(opened);
        return opened;
      });
      opening = { bucket, callers: 0 };
      openings.set(key, opening);
    }
    opening.callers++;
    try {
      return await draw(await opening.bucket, rate);
    } finally {
      if (--opening.callers === 0) openings.delete(key);
    }
  }

  function draw(bucket: Bucket, rate: Rate): Draw | Promise<Draw> {
    setRate(bucket, rate);
    passTime(bucket, now());
    const over = bucket.used + 1 - rate.burst;
    if (over > ROUNDING) {
      bucket.refusals += 1;
      const retryAfterMs = Math.max(1, Math.ceil((over - ROUNDING) / rate.rps * 1000));
      return { ok: false, retryAfterMs, refusals: bucket.refusals };
    }
    bucket.refusals = 0;
    bucket.used += 1;
    const isKept = bucket.kept - bucket.used > -ROUNDING;
    if (!isKept && writes === "ahead") {
      return new Promise((go, fail) => {
        bucket.waiting.push({ go, fail });
        void writer.start([bucket]);
      });
    }
    // The next block is written while the rest of this one is used, so that nobody waits for it.
    if (Math.max(bucket.kept, bucket.coming) - bucket.used < (blockOf(rate) - 1) / 2) {
      bucket.wanted = true;
      void writer.start([bucket]);
    }
    return TAKEN;
  }

  /** What a reload does to the buckets that are only on disk. */
  async function reloadRows(rateOf: (key: BucketKey) => Rate | undefined): Promise<void> {
    let last: BucketKey | undefined;
    do {
      const page = await rows.listForOperator(last, ROWS_AT_ONCE);
      last = page.length < ROWS_AT_ONCE ? undefined : page.at(-1)?.key;
      const writes = page.flatMap((kept) => {
        const { key, state } = kept;
        const rate = rateOf(key);
        if (rate === undefined || buckets.peek(key) !== undefined) return [];
        const past = pastOf(state, state.rps, now());
        const used = Math.min(past.used, rate.burst);
        if (rate.rps === state.rps && used === past.used) return [];
        return rows.rowsForReplaced(kept, { ...past, used, rps: rate.rps });
      });
      if (writes.length > 0) await store.commit(writes);
    } while (last !== undefined);
  }

  return {
    take(key, rate) {
      const bucket = buckets.find(key);
      return bucket === undefined ? openAndDraw(key, rate) : draw(bucket, rate);
    },
    find: buckets.find,
    draw,

    giveBack(key) {
      const bucket = buckets.peek(key);
      // One that was dropped meanwhile keeps the token: too few is better than too many.
      if (bucket !== undefined) bucket.used = Math.max(0, bucket.used - 1);
    },

    async reload(rateOf) {
      const changed = buckets.all().filter((bucket) => {
        passTime(bucket, now());
        const rate = rateOf(bucket.key);
        return rate !== undefined && setRate(bucket, rate);
      });
      for (let from = 0; from < changed.length; from += ROWS_AT_ONCE) {
        const some = changed.slice(from, from + ROWS_AT_ONCE);
        for (const bucket of some) bucket.wanted = true;
        await writer.start(some);
      }
      await reloadRows(rateOf);
    },

    forgetAgents(isGone) {
      buckets.forget((bucket) => {
        if (!isGone(bucket.key.agentId)) return false;
        bucket.gone = true;
        return true;
      });
    },

    async [Symbol.asyncDispose]() {
      await writer.idle();
      const ahead = buckets.all().filter(({ kept, used }) => kept > used);
      for (let from = 0; from < ahead.length; from += ROWS_AT_ONCE) {
        await store.commit(
          ahead.slice(from, from + ROWS_AT_ONCE).flatMap(({ key, used, atMs, rate: { rps } }) =>
            rows.rowsForKept(key, { used, atMs, rps })
          ),
        );
      }
    },
  };
}

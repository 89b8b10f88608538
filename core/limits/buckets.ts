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
import type { Store, Write } from "../store/store.ts";
import type { BucketKey, BucketRows, BucketState } from "./bucket_rows.ts";
import type { Rate } from "./tool_patterns.ts";

/** Whether a token was there. */
export type Draw = { readonly ok: true } | {
  readonly ok: false;
  /** Milliseconds until there is one, at least 1. */
  readonly retryAfterMs: number;
  /** How many were refused since one was last taken, this one included. */
  readonly refusals: number;
};

/** The buckets. Disposing writes what each really holds; call it before the store closes. */
export interface Buckets extends AsyncDisposable {
  /**
   * Takes a token; at once where that is already on disk, otherwise after it is. A new rate holds
   * from now on, and what was taken stays taken.
   *
   * @throws what the store throws; nothing was taken then
   */
  take(key: BucketKey, rate: Rate): Draw | Promise<Draw>;
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
  /** Buckets in memory; those not used for longest are read from disk when they are used again. @default {100000} */
  readonly maxBuckets?: number | undefined;
}

/** Bursts below it are written one by one. */
const FIRST_BLOCK_BURST = 10;
const MAX_BLOCK = 1_000;
/** Tokens: steps of rounding must not cost a call that is due. */
const ROUNDING = 1e-9;
/** Rows in one commit of many. */
const ROWS_AT_ONCE = 500;

const TAKEN: Draw = { ok: true };

/** Calls that one write covers: a tenth of the burst, and one where the burst is below ten. */
export function blockOf({ burst }: Rate): number {
  return burst < FIRST_BLOCK_BURST ? 1 : Math.min(MAX_BLOCK, Math.floor(burst / 10));
}

/** A bucket being read from disk, and how many calls are going to use it then. */
interface Opening {
  readonly bucket: Promise<Bucket>;
  callers: number;
}

interface Waiter {
  readonly go: (draw: Draw) => void;
  readonly fail: (error: unknown) => void;
}

/** A bucket; all counts are tokens as of `atMs`, and come back at the bucket's rate. */
interface Bucket {
  readonly key: BucketKey;
  rate: Rate;
  /** Taken. */
  used: number;
  /** What the disk says was taken. */
  kept: number;
  /** What the disk will say after the write under way. */
  coming: number;
  atMs: number;
  /** Since a token was last taken. */
  refusals: number;
  /** Calls that wait for the next write. */
  waiting: Waiter[];
  /** Whether a write is wanted although nobody waits for it. */
  wanted: boolean;
  writing: boolean;
  /** Its agent is gone: nothing of it is written any more. */
  gone: boolean;
}

/** Opens buckets over what the disk knows. */
export function openBuckets(deps: BucketsDeps): Buckets {
  const { store, rows, now, writes, maxBuckets = 100_000 } = deps;
  const half = Math.max(1, Math.ceil(maxBuckets / 2));
  // Two generations instead of a list of ages: what was not used for a whole one is dropped with it.
  let young = new Map<string, Bucket>();
  let old = new Map<string, Bucket>();
  const openings = new Map<string, Opening>();
  const running = new Set<Promise<void>>();

  function find(id: string): Bucket | undefined {
    const fresh = young.get(id);
    if (fresh !== undefined) return fresh;
    const known = old.get(id);
    if (known === undefined) return undefined;
    old.delete(id);
    remember(id, known);
    return known;
  }

  function remember(id: string, bucket: Bucket): void {
    if (young.size >= half) {
      const dropped = old;
      old = young;
      young = new Map();
      // One in use stays: read again now, it would not know of what is on its way to the disk.
      for (const [each, left] of dropped) {
        if (left.writing || openings.has(each)) young.set(each, left);
      }
    }
    young.set(id, bucket);
  }

  async function openAndDraw(id: string, key: BucketKey, rate: Rate): Promise<Draw> {
    let opening = openings.get(id);
    if (opening === undefined) {
      const bucket = load(key, rate).then((loaded) => {
        remember(id, loaded);
        return loaded;
      });
      opening = { bucket, callers: 0 };
      openings.set(id, opening);
    }
    opening.callers++;
    try {
      return await draw(await opening.bucket, rate);
    } finally {
      if (--opening.callers === 0) openings.delete(id);
    }
  }

  async function load(key: BucketKey, rate: Rate): Promise<Bucket> {
    const state = await rows.find(key);
    const { rps } = state ?? rate;
    // Where nobody saw when the rate changed, the lower one gives back no more than either did.
    const { used, atMs } = state === undefined
      ? { used: 0, atMs: now() }
      : pastOf(state, Math.min(rps, rate.rps), now());
    return {
      key,
      rate,
      used,
      kept: rps === rate.rps ? used : 0,
      coming: 0,
      atMs,
      refusals: 0,
      waiting: [],
      wanted: false,
      writing: false,
      gone: false,
    };
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
        void startWriting([bucket]);
      });
    }
    // The next block is written while the rest of this one is used, so that nobody waits for it.
    if (Math.max(bucket.kept, bucket.coming) - bucket.used < (blockOf(rate) - 1) / 2) {
      bucket.wanted = true;
      void startWriting([bucket]);
    }
    return TAKEN;
  }

  /** Writes those that are not being written; the others see to it themselves. */
  function startWriting(buckets: readonly Bucket[]): Promise<void> {
    const free = buckets.filter(({ writing }) => !writing);
    for (const bucket of free) bucket.writing = true;
    const done: Promise<void> = write(free).finally(() => running.delete(done));
    running.add(done);
    return done;
  }

  /** Writes until nobody wants it. Never rejects: those who wait hear of a failure. */
  async function write(buckets: readonly Bucket[]): Promise<void> {
    let wanting = buckets.filter(isWanted);
    while (wanting.length > 0) {
      const batches = wanting.map(beginWrite);
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
  function beginWrite(bucket: Bucket): Waiter[] {
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

  /** What a reload does to the buckets that are only on disk. */
  async function reloadRows(rateOf: (key: BucketKey) => Rate | undefined): Promise<void> {
    let last: BucketKey | undefined;
    do {
      const page = await rows.listForOperator(last, ROWS_AT_ONCE);
      last = page.length < ROWS_AT_ONCE ? undefined : page.at(-1)?.key;
      const writes = page.flatMap((kept) => {
        const { key, state } = kept;
        const id = idOf(key);
        const rps = rateOf(key)?.rps ?? state.rps;
        if (rps === state.rps || young.has(id) || old.has(id)) return [];
        return rows.rowsForReplaced(kept, { ...pastOf(state, state.rps, now()), rps });
      });
      if (writes.length > 0) await store.commit(writes);
    } while (last !== undefined);
  }

  const live = (): Bucket[] => [...young.values(), ...old.values()];

  async function idle(): Promise<void> {
    while (running.size > 0) await Promise.all(running);
  }

  return {
    take(key, rate) {
      const id = idOf(key);
      const bucket = find(id);
      return bucket === undefined ? openAndDraw(id, key, rate) : draw(bucket, rate);
    },

    giveBack(key) {
      const id = idOf(key);
      const bucket = young.get(id) ?? old.get(id);
      // One that was dropped meanwhile keeps the token: too few is better than too many.
      if (bucket !== undefined) bucket.used = Math.max(0, bucket.used - 1);
    },

    async reload(rateOf) {
      const changed = live().filter((bucket) => {
        passTime(bucket, now());
        const rate = rateOf(bucket.key);
        return rate !== undefined && setRate(bucket, rate);
      });
      for (let from = 0; from < changed.length; from += ROWS_AT_ONCE) {
        const some = changed.slice(from, from + ROWS_AT_ONCE);
        for (const bucket of some) bucket.wanted = true;
        await startWriting(some);
      }
      await reloadRows(rateOf);
    },

    forgetAgents(isGone) {
      for (const generation of [young, old]) {
        for (const [id, bucket] of generation) {
          if (!isGone(bucket.key.agentId)) continue;
          bucket.gone = true;
          generation.delete(id);
        }
      }
    },

    async [Symbol.asyncDispose]() {
      await idle();
      const ahead = live().filter(({ kept, used }) => kept > used);
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

function isWanted({ waiting, wanted }: Bucket): boolean {
  return waiting.length > 0 || wanted;
}

/** Lets what was taken come back, up to `nowMs`. */
function passTime(bucket: Bucket, nowMs: number): void {
  const elapsedMs = nowMs - bucket.atMs;
  // A clock that was set back must not give the same time twice.
  if (elapsedMs <= 0) return;
  const back = comeBack(elapsedMs, bucket.rate.rps);
  bucket.used = Math.max(0, bucket.used - back);
  bucket.kept = Math.max(0, bucket.kept - back);
  bucket.coming = Math.max(0, bucket.coming - back);
  bucket.atMs = nowMs;
}

/** Whether the rate was another one before. */
function setRate(bucket: Bucket, rate: Rate): boolean {
  const { rps, burst } = bucket.rate;
  if (rps === rate.rps && burst === rate.burst) return false;
  bucket.rate = rate;
  if (rps === rate.rps) return false;
  // What the disk says comes back at another speed now, so nothing may be built on it.
  bucket.kept = 0;
  bucket.coming = 0;
  return true;
}

/** A state as it is now. After a clock was set back, time counts again from where it had been. */
function pastOf({ used, atMs }: BucketState, rps: number, nowMs: number) {
  const elapsedMs = Math.max(0, nowMs - atMs);
  return { used: Math.max(0, used - comeBack(elapsedMs, rps)), atMs: atMs + elapsedMs };
}

function comeBack(elapsedMs: number, rps: number): number {
  return elapsedMs * rps / 1000;
}

/** No part but the last can hold a line break. */
function idOf({ account, agentId, bindingId, name }: BucketKey): string {
  return `${account}\n${agentId}\n${bindingId}\n${name}`;
}

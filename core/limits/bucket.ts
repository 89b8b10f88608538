/**
 * One token bucket: how its counts pass with time and with another rate.
 *
 * @module
 */
import type { BucketKey, BucketState } from "./bucket_rows.ts";
import type { Rate } from "./tool_patterns.ts";

/** Whether a token was there. */
export type Draw = { readonly ok: true } | {
  readonly ok: false;
  /** Milliseconds until there is one, at least 1. */
  readonly retryAfterMs: number;
  /** How many were refused since one was last taken, this one included. */
  readonly refusals: number;
};

/** A token was there. */
export const TAKEN: Draw = { ok: true };

/** Bursts below it are written one by one. */
const FIRST_BLOCK_BURST = 10;
const MAX_BLOCK = 10_000;
/** What comes back in this time has come back before a process that was killed is up again, in seconds. */
const SOON_SECONDS = 0.1;

/**
 * Calls that one write covers: a tenth of the burst, and one where the burst is below ten. Where more
 * than that comes back in a tenth of a second it is so many, or what the disk says would be no longer
 * true before the block is used up, and every call would wait for a write.
 */
export function blockOf({ rps, burst }: Rate): number {
  if (burst < FIRST_BLOCK_BURST) return 1;
  return Math.max(Math.min(MAX_BLOCK, Math.floor(burst / 10)), Math.floor(rps * SOON_SECONDS));
}

/** A call that waits until what it takes is on disk. */
export interface Waiter {
  readonly go: (draw: Draw) => void;
  readonly fail: (error: unknown) => void;
}

/** What a rate was worked out from, so that this is done again only when it is another. */
export interface RateOrigin {
  readonly agent: object | undefined;
  readonly binding: object | undefined;
  /** The tool as its microapp calls it. */
  readonly ownName: string;
  readonly rate: Rate;
}

/** A bucket; all counts are tokens as of `atMs`, and come back at the bucket's rate. */
export interface Bucket {
  readonly key: BucketKey;
  rate: Rate;
  /** Where the rate came from that was in force at the last call; absent where that is not known. */
  origin: RateOrigin | undefined;
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

/** The bucket of a key over what the disk says of it; undefined is nothing. */
export function openBucket(
  key: BucketKey,
  rate: Rate,
  { state, nowMs }: { state: BucketState | undefined; nowMs: number },
): Bucket {
  const { rps } = state ?? rate;
  // Where nobody saw when the rate changed, the lower one gives back no more than either did.
  const { used, atMs } = state === undefined
    ? { used: 0, atMs: nowMs }
    : pastOf(state, Math.min(rps, rate.rps), nowMs);
  return {
    key,
    rate,
    origin: undefined,
    used: Math.min(used, rate.burst),
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

/** Lets what was taken come back, up to `nowMs`. */
export function passTime(bucket: Bucket, nowMs: number): void {
  const elapsedMs = nowMs - bucket.atMs;
  // A clock that was set back must not give the same time twice.
  if (elapsedMs <= 0) return;
  const back = comeBack(elapsedMs, bucket.rate.rps);
  bucket.used = Math.max(0, bucket.used - back);
  bucket.kept = Math.max(0, bucket.kept - back);
  bucket.coming = Math.max(0, bucket.coming - back);
  bucket.atMs = nowMs;
}

/**
 * Puts a rate in force; whether it was another one before. A smaller burst leaves an empty bucket at most:
 * a debt would come back at the new rate, such as four days of silence where 100/hour became 1/hour.
 */
export function setRate(bucket: Bucket, rate: Rate): boolean {
  const { rps, burst } = bucket.rate;
  if (rps === rate.rps && burst === rate.burst) return false;
  bucket.rate = rate;
  bucket.used = Math.min(bucket.used, rate.burst);
  if (rps === rate.rps) return false;
  // What the disk says comes back at another speed now, so nothing may be built on it.
  bucket.kept = 0;
  bucket.coming = 0;
  return true;
}

/** A state as it is now. After a clock was set back, time counts again from where it had been. */
export function pastOf({ used, atMs }: BucketState, rps: number, nowMs: number) {
  const elapsedMs = Math.max(0, nowMs - atMs);
  return { used: Math.max(0, used - comeBack(elapsedMs, rps)), atMs: atMs + elapsedMs };
}

function comeBack(elapsedMs: number, rps: number): number {
  return elapsedMs * rps / 1000;
}

/**
 * Token buckets per client, and one for all of them once they have proven themselves.
 *
 * @module
 */
import { LRUCache } from "lru-cache";
import type { RateLimit } from "../../core/contract/mod.ts";

/** Clients remembered of each kind, before the one not seen for longest is forgotten. */
export const CLIENTS_REMEMBERED = 4096;

/** What all proven clients of a source may send together, in shares of one client. */
export const SOURCE_SHARES = 32;

/** Tokens at a time; floats, so that slow rates add up. */
interface Bucket {
  tokens: number;
  atMs: number;
}

/**
 * The two gates of a rate-limited source. Each returns 0 when the request may pass, else the whole
 * seconds until it may.
 */
export interface RateGate {
  readonly limit: RateLimit;
  /** Before the body is read: one bucket per client. */
  takeClient(key: string, nowMs: number): number;
  /** After the signature fits: one bucket for the source, which nobody without the secret can drain. */
  takeSource(key: string, nowMs: number): number;
}

/** Whether a limit limits anything; 0 in either field means it does not. */
export function isActive(limit: RateLimit | null): limit is RateLimit {
  return limit !== null && limit.rps > 0 && limit.burst > 0;
}

/**
 * Builds the gates of one source.
 *
 * Clients that have sent a valid signature are remembered apart from strangers. A flood from ever
 * new addresses therefore only makes the gate forget other strangers.
 */
export function createRateGate(limit: RateLimit, remembered = CLIENTS_REMEMBERED): RateGate {
  const strangers = new LRUCache<string, Bucket>({ max: remembered });
  const proven = new LRUCache<string, Bucket>({ max: remembered });
  const whole = { rps: limit.rps * SOURCE_SHARES, burst: limit.burst * SOURCE_SHARES };
  let source: Bucket | undefined;

  return {
    limit,
    takeClient(key, nowMs) {
      let bucket = proven.get(key) ?? strangers.get(key);
      if (bucket === undefined) {
        bucket = { tokens: limit.burst, atMs: nowMs };
        strangers.set(key, bucket);
      }
      return take(bucket, limit, nowMs);
    },
    takeSource(key, nowMs) {
      const bucket = strangers.get(key);
      if (bucket !== undefined) {
        strangers.delete(key);
        proven.set(key, bucket);
      }
      source ??= { tokens: whole.burst, atMs: nowMs };
      return take(source, whole, nowMs);
    },
  };
}

/** Below one token by less than this is rounding. */
const ROUNDING = 1e-9;

function take(bucket: Bucket, { rps, burst }: RateLimit, nowMs: number): number {
  const elapsedSecs = Math.max(0, nowMs - bucket.atMs) / 1000;
  bucket.tokens = Math.min(burst, bucket.tokens + elapsedSecs * rps);
  bucket.atMs = nowMs;
  if (bucket.tokens < 1 - ROUNDING) {
    return Math.max(1, Math.ceil((1 - bucket.tokens) / rps - ROUNDING));
  }
  bucket.tokens = Math.max(0, bucket.tokens - 1);
  return 0;
}

/**
 * Random bytes from a pool: each call to the system costs as much as some kilobytes of them.
 *
 * @module
 */
import type { Random } from "../contract/mod.ts";

const POOL_BYTES = 4096;

/** Returns a {@linkcode Random} as good as `fill`, which `crypto.getRandomValues` is made for. */
export function createPooledRandom(
  fill: Random = (bytes) => crypto.getRandomValues(bytes),
): Random {
  const pool = new Uint8Array(POOL_BYTES);
  let used = pool.length;
  return function random(bytes) {
    if (bytes.length > pool.length) return fill(bytes);
    if (used + bytes.length > pool.length) {
      fill(pool);
      used = 0;
    }
    for (let i = 0; i < bytes.length; i++) {
      bytes[i] = pool[used] ?? 0;
      // What was handed out must not stay in memory for a second reader.
      pool[used++] = 0;
    }
    return bytes;
  };
}

/**
 * The buckets in memory: at most so many, those not used for longest forgotten first.
 *
 * @module
 */
import { type BucketMap, createBucketMap } from "./bucket_map.ts";
import type { BucketKey } from "./bucket_rows.ts";

/** Items by their keys. */
export interface BucketCache<T> {
  /** What is known under a key; asking for it keeps it. */
  readonly find: (key: BucketKey) => T | undefined;
  /** What is known under a key, without keeping it any longer. */
  readonly peek: (key: BucketKey) => T | undefined;
  readonly remember: (item: T) => void;
  readonly forget: (isMeant: (item: T) => boolean) => void;
  readonly all: () => T[];
}

/** Returns an empty cache; what `isInUse` says of stays, whatever its age. */
export function createBucketCache<T extends { readonly key: BucketKey }>(
  max: number,
  isInUse: (item: T) => boolean,
): BucketCache<T> {
  const half = Math.max(1, Math.ceil(max / 2));
  // Two generations instead of a list of ages: what was not used for a whole one is dropped with it.
  let young: BucketMap<T> = createBucketMap();
  let old: BucketMap<T> = createBucketMap();

  function remember(item: T): void {
    if (young.size >= half) {
      const dropped = old;
      old = young;
      young = createBucketMap();
      for (const left of dropped.values()) if (isInUse(left)) young.set(left.key, left);
    }
    young.set(item.key, item);
  }

  return {
    find(key) {
      const fresh = young.get(key);
      if (fresh !== undefined) return fresh;
      const known = old.get(key);
      if (known === undefined) return undefined;
      old.delete(key);
      remember(known);
      return known;
    },
    peek: (key) => young.get(key) ?? old.get(key),
    remember,
    forget(isMeant) {
      for (const generation of [young, old]) {
        for (const item of generation.values()) if (isMeant(item)) generation.delete(item.key);
      }
    },
    all: () => [...young.values(), ...old.values()],
  };
}

/**
 * The buckets in memory: at most so many, those not used for longest forgotten first.
 *
 * @module
 */

/** Items by their ids. */
export interface BucketCache<T> {
  /** What is known under an id; asking for it keeps it. */
  readonly find: (id: string) => T | undefined;
  readonly has: (id: string) => boolean;
  /** What is known under an id, without keeping it any longer. */
  readonly peek: (id: string) => T | undefined;
  readonly remember: (id: string, item: T) => void;
  readonly forget: (isMeant: (item: T) => boolean) => void;
  readonly all: () => T[];
}

/** Returns an empty cache; what `isInUse` says of stays, whatever its age. */
export function createBucketCache<T>(
  max: number,
  isInUse: (id: string, item: T) => boolean,
): BucketCache<T> {
  const half = Math.max(1, Math.ceil(max / 2));
  // Two generations instead of a list of ages: what was not used for a whole one is dropped with it.
  let young = new Map<string, T>();
  let old = new Map<string, T>();

  function remember(id: string, item: T): void {
    if (young.size >= half) {
      const dropped = old;
      old = young;
      young = new Map();
      for (const [each, left] of dropped) if (isInUse(each, left)) young.set(each, left);
    }
    young.set(id, item);
  }

  return {
    find(id) {
      const fresh = young.get(id);
      if (fresh !== undefined) return fresh;
      const known = old.get(id);
      if (known === undefined) return undefined;
      old.delete(id);
      remember(id, known);
      return known;
    },
    has: (id) => young.has(id) || old.has(id),
    peek: (id) => young.get(id) ?? old.get(id),
    remember,
    forget(isMeant) {
      for (const generation of [young, old]) {
        for (const [id, item] of generation) if (isMeant(item)) generation.delete(id);
      }
    },
    all: () => [...young.values(), ...old.values()],
  };
}

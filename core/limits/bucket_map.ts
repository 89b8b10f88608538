/**
 * Things by the keys of buckets.
 *
 * @module
 */
import type { BucketKey } from "./bucket_rows.ts";

/** A map whose keys are told apart by what they hold, not by who they are. */
export interface BucketMap<T> {
  readonly size: number;
  readonly get: (key: BucketKey) => T | undefined;
  readonly set: (key: BucketKey, item: T) => void;
  readonly delete: (key: BucketKey) => void;
  readonly values: () => Generator<T>;
}

/**
 * Returns an empty map. It looks for one part of a key after another: to join them to one text, only to
 * look for that, would be the dearest part of a check.
 */
export function createBucketMap<T>(): BucketMap<T> {
  // The tenant before the name: a tenant has few tools, and many people who write.
  const agents = new Map<string, Map<string, Map<string, Map<string, T>>>>();
  let size = 0;

  const namesOf = ({ agentId, bindingId, account }: BucketKey): Map<string, T> | undefined =>
    agents.get(agentId)?.get(bindingId)?.get(account);

  return {
    get size() {
      return size;
    },
    get: (key) => namesOf(key)?.get(key.name),
    set(key, item) {
      const bindings = within(agents, key.agentId);
      const names = within(within(bindings, key.bindingId), key.account);
      if (!names.has(key.name)) size += 1;
      names.set(key.name, item);
    },
    delete(key) {
      const names = namesOf(key);
      if (names?.delete(key.name) !== true) return;
      size -= 1;
      if (names.size === 0) agents.get(key.agentId)?.get(key.bindingId)?.delete(key.account);
    },
    *values() {
      for (const bindings of agents.values()) {
        for (const accounts of bindings.values()) {
          for (const names of accounts.values()) yield* names.values();
        }
      }
    },
  };
}

/** The map under a key, a new one where there is none. */
function within<K, V>(maps: Map<string, Map<K, V>>, key: string): Map<K, V> {
  let found = maps.get(key);
  if (found === undefined) {
    found = new Map();
    maps.set(key, found);
  }
  return found;
}

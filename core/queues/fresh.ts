/**
 * What was put on disk a moment ago and is about to be taken, so that it need not be read and opened.
 *
 * @module
 */
import { LRUCache } from "lru-cache";

/** How many there may be, and their length as JSON together; the oldest are forgotten first. */
const MAX_FRESH = 10_000;
const MAX_FRESH_CHARS = 8 * 1024 * 1024;

/** Values in memory by tenant and id. */
export interface Fresh<T> {
  /** Keeps a value that is `chars` UTF-16 code units long as JSON. */
  put(account: string, id: string, value: T, chars: number): void;
  /** Gives a value once. */
  take(account: string, id: string): T | undefined;
  readonly clear: () => void;
}

/** Keeps nothing yet. */
export function createFresh<T extends object>(): Fresh<T> {
  const kept = new LRUCache<string, T>({ max: MAX_FRESH, maxSize: MAX_FRESH_CHARS });
  const keyOf = (account: string, id: string): string => `${account}/${id}`;
  return {
    put: (account, id, value, chars) => void kept.set(keyOf(account, id), value, { size: chars }),
    take(account, id) {
      const key = keyOf(account, id);
      const value = kept.get(key);
      kept.delete(key);
      return value;
    },
    clear: () => kept.clear(),
  };
}

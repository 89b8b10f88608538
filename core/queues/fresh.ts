/**
 * What was put on disk a moment ago and is about to be taken, so that it need not be read and opened.
 *
 * @module
 */

import { createPassingMap } from "../flow/passing_map.ts";

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
  // By ids, which are nobody else's; in the order they came.
  const kept = createPassingMap<string, { account: string; value: T; chars: number }>();
  let keptChars = 0;

  function forget(id: string): void {
    keptChars -= kept.get(id)?.chars ?? 0;
    kept.delete(id);
  }

  return {
    put(account, id, value, chars) {
      forget(id);
      kept.set(id, { account, value, chars });
      keptChars += chars;
      while (kept.size > MAX_FRESH || keptChars > MAX_FRESH_CHARS) {
        const [oldest = ""] = kept.keys();
        forget(oldest);
      }
    },
    take(account, id) {
      const one = kept.get(id);
      if (one?.account !== account) return undefined;
      forget(id);
      return one.value;
    },
    clear() {
      kept.clear();
      keptChars = 0;
    },
  };
}

/**
 * A map for what comes and goes.
 *
 * @module
 */

/** The part of a `Map` that is asked of one whose values stay for a short while. */
export interface PassingMap<K, V> {
  readonly size: number;
  has(key: K): boolean;
  get(key: K): V | undefined;
  set(key: K, value: V): void;
  /** Whether there was one. */
  delete(key: K): boolean;
  /** In the order in which they came. */
  keys(): Iterable<K>;
  values(): Iterable<V>;
  clear(): void;
}

interface Box<V> {
  value: V | undefined;
}

/**
 * Returns an empty map, for one that lives as long as the process and holds values of which much hangs,
 * as of a turn under way.
 *
 * Each time a `Map` of V8 is full, deleted entries counted, its entries move to a new table, and the old
 * one still refers to them. Of a map that has lived for long that table is old, too, and until the whole
 * heap is gone through whatever it refers to counts as alive: with many short entries, every one. Here it
 * refers to boxes, which are emptied when their values leave.
 */
export function createPassingMap<K, V>(): PassingMap<K, V> {
  const boxes = new Map<K, Box<V>>();

  function empty(box: Box<V> | undefined): void {
    if (box !== undefined) box.value = undefined;
  }

  return {
    get size() {
      return boxes.size;
    },
    has: (key) => boxes.has(key),
    get: (key) => boxes.get(key)?.value,
    set(key, value) {
      empty(boxes.get(key));
      boxes.set(key, { value });
    },
    delete(key) {
      empty(boxes.get(key));
      return boxes.delete(key);
    },
    keys: () => boxes.keys(),
    *values() {
      for (const { value } of boxes.values()) yield value as V;
    },
    clear() {
      for (const box of boxes.values()) empty(box);
      boxes.clear();
    },
  };
}

/**
 * A value that components can watch.
 *
 * @module
 */
import { useEffect, useState } from "hono/jsx/dom";

/** A value with listeners. */
export interface Store<T> {
  readonly get: () => T;
  readonly set: (next: T) => void;
  /** Returns the way to stop. */
  readonly subscribe: (listener: () => void) => () => void;
}

/** Builds a store. */
export function createStore<T>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      if (next === value) return;
      value = next;
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** The value of a store; the component is drawn again when it changes. */
export function useStore<T>(store: Store<T>): T {
  const [, redraw] = useState(0);
  useEffect(() => {
    let seen = store.get();
    const look = (): void => {
      if (store.get() === seen) return;
      seen = store.get();
      redraw((count) => count + 1);
    };
    // It may have changed between drawing and listening.
    redraw((count) => count + 1);
    return store.subscribe(look);
  }, [store]);
  return store.get();
}

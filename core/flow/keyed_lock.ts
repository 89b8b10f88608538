/**
 * One at a time for each key.
 *
 * @module
 */

/** Runs `task` once no other task of the same key runs, in the order they came. */
export type KeyedLock = <T>(key: string, task: () => Promise<T>) => Promise<T>;

/** Returns a lock that holds nothing. */
export function createKeyedLock(): KeyedLock {
  const last = new Map<string, Promise<unknown>>();
  return function locked(key, task) {
    const before = last.get(key) ?? Promise.resolve();
    const done = before.then(task, task);
    const settled = done.catch(() => undefined); // whoever asked hears of it
    last.set(key, settled);
    void settled.then(() => {
      if (last.get(key) === settled) last.delete(key);
    });
    return done;
  };
}

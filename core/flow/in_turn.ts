/**
 * One task after another.
 *
 * @module
 */

/** Runs `task` once all tasks given before have ended, well or badly. */
export type InTurn = <T>(task: () => Promise<T>) => Promise<T>;

/** Returns a line in which nobody stands. */
export function createInTurn(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  return function inTurn(task) {
    const done = last.then(task);
    last = done.catch(() => undefined); // whoever gave the task hears of it
    return done;
  };
}

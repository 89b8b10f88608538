/**
 * Values that may be here already: a promise costs a request more than most of what it waits for.
 *
 * @module
 */

/** A value, or the promise of one where it takes a while. */
export type Soon<T> = T | Promise<T>;

/** Calls `use` with a value: at once when it is here. */
export function andThen<T, R>(value: Soon<T>, use: (value: T) => Soon<R>): Soon<R> {
  return value instanceof Promise ? value.then(use) : use(value);
}

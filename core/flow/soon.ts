/**
 * Values that are mostly here already.
 *
 * @module
 */

/** A value, or a promise of it where it has to be waited for. */
export type Soon<T> = T | Promise<T>;

/** Goes on with a value: at once where it is here, since a promise costs more than most of what follows. */
export function whenHere<T, U>(value: Soon<T>, use: (value: T) => Soon<U>): Soon<U> {
  return value instanceof Promise ? value.then(use) : use(value);
}

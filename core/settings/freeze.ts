/**
 * Values nobody can change.
 *
 * @module
 */

/** Freezes plain objects and lists all the way down, in place. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}

// One function for all maps, so that equal maps compare as equal.
function refuse(): never {
  throw new TypeError("Cannot change settings: they are frozen");
}

/** A map that throws a `TypeError` when someone tries to change it; values are frozen too. */
export function frozenMap<V>(entries: Iterable<readonly [string, V]>): ReadonlyMap<string, V> {
  const map = new Map<string, V>();
  for (const [key, value] of entries) map.set(key, deepFreeze(value));
  // Object.freeze does not reach a Map's entries, only its own properties.
  Object.assign(map, { set: refuse, delete: refuse, clear: refuse });
  return Object.freeze(map);
}

/**
 * Counting in words.
 *
 * @module
 */

/** `1 row`, `2 rows`. */
export function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/**
 * Text that comes back from the database as it went in.
 *
 * @module
 */

/**
 * Replaces what SQLite's text columns cannot give back (NUL and lone surrogates) by U+FFFD.
 *
 * A hash over the text must be the same before writing and after reading.
 */
export function storable(text: string): string {
  // Under the `u` flag the class matches only surrogates that stand alone.
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\0\ud800-\udfff]/gu, "\ufffd");
}

/**
 * Request headers, as far as signatures need them.
 *
 * @module
 */

/** Request headers by lower-case name: repeated ones joined by `", "`, as `Headers` does. */
export interface HeaderReader {
  get(name: string): string | null;
}

/** The value of the first of `names` that the request carries and that is not empty. */
export function firstHeader(headers: HeaderReader, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = headers.get(name);
    if (value !== null && value !== "") return value;
  }
  return undefined;
}

/**
 * JSON pointers into what strangers sent.
 *
 * @module
 */

/** What `pointer` (RFC 6901) leads to; undefined where it leads to nothing. */
export function valueAt(value: unknown, pointer: string): unknown {
  const names = pointer.split("/").slice(1)
    .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
  let at = value;
  for (const name of names) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return undefined;
    // An array's own members are its items and `length`, which is none.
    if (Array.isArray(at) && !/^\d+$/.test(name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}

/** What pointers lead to, as text: several are joined by a space; undefined when none leads to a text. */
export function textAt(
  value: unknown,
  pointers: string | readonly string[] | undefined,
): string | undefined {
  if (pointers === undefined) return undefined;
  const found = [pointers].flat().map((pointer) => valueAt(value, pointer)).flatMap((each) =>
    typeof each === "string" || typeof each === "number" ? [String(each)] : []
  );
  return found.length === 0 ? undefined : found.join(" ");
}

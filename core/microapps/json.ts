/**
 * Looking into JSON that a child wrote.
 *
 * @module
 */

/** A JSON object, as parsed. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Deepest nesting that is read. Whoever walks or writes a value recursively would overflow on more. */
const MAX_DEPTH = 256;

/**
 * Parses a line.
 *
 * @throws {SyntaxError} for what is no JSON, and for what nests more than 256 deep
 */
export function parseJson(line: string): unknown {
  const value: unknown = JSON.parse(line);
  // Each level takes two characters, so short lines need no look.
  if (line.length > 2 * MAX_DEPTH && isDeeper(value, MAX_DEPTH)) {
    throw new SyntaxError(`Cannot read JSON: it nests more than ${MAX_DEPTH} deep`);
  }
  return value;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) return value.some((member) => isDeeper(member, levels - 1));
  // Without a list of the members: this is done to every answer that is not short.
  const members = value as JsonObject;
  for (const name in members) if (isDeeper(members[name], levels - 1)) return true;
  return false;
}

/** Whether `value` is an object and not an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The first of `keys` that holds a string. */
export function firstText(object: JsonObject, ...keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = object[key];
    if (typeof value === "string") return value;
  }
  return undefined;
}

/** The elements of `value` that are strings; nothing when it is no array. */
export function textsOf(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.filter((entry): entry is string => typeof entry === "string");
}

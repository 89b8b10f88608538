/**
 * Building blocks of the config schemas: what is absent, `null` or empty means its defaults.
 *
 * @module
 */
import { z } from "zod";

// YAML reads `key:` with nothing behind it as null, which people mean as "leave it as it is".
const nullIsAbsent = (value: unknown): unknown => value ?? undefined;

/** A strict object; when absent or `null` every key has its default. All keys must have one. */
export function block<S extends z.ZodRawShape>(shape: S) {
  const schema = z.strictObject(shape);
  return z.preprocess(nullIsAbsent, schema.prefault({} as z.input<typeof schema>));
}

/** A value with a default, which `null` means too. */
export function withDefault<T extends z.ZodType>(schema: T, value: z.output<T>) {
  return z.preprocess(nullIsAbsent, schema.default(value as never));
}

/** A value that may be absent or `null`; read as `undefined` then. */
export function optional<T extends z.ZodType>(schema: T) {
  return z.preprocess(nullIsAbsent, schema.optional());
}

/** A list; absent or `null` is the empty list. */
export function list<T extends z.ZodType>(item: T) {
  return z.preprocess(nullIsAbsent, z.array(item).prefault([]));
}

/** A map; absent or `null` is the empty map. */
export function map<K extends z.ZodString, V extends z.ZodType>(key: K, value: V) {
  return z.preprocess(
    nullIsAbsent,
    z.record(key, value).prefault({} as z.input<z.ZodRecord<K, V>>),
  );
}

/** Keys that are read for compatibility and change nothing; `check` warns where they are set. */
export function unused<const K extends string>(keys: readonly K[]) {
  const schema = z.unknown().optional().describe("Accepted; not used by this version");
  return Object.fromEntries(keys.map((key) => [key, schema])) as { [P in K]: typeof schema };
}

/** Text with something in it. */
export const Text = z.string().trim().min(1, "must not be empty");

/** Any JSON value. */
export const Json = z.json();

/** A file's own version, accepted at the top of every file. */
export const schemaVersion = { schema_version: optional(z.int().positive()) };

/** A count of 1 or more. */
export const Positive = z.int().min(1);

/** A count of 0 or more. */
export const Count = z.int().min(0);

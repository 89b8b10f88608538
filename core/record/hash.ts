/**
 * The hash of a row in a chain, and what of it may be erased later.
 *
 * @module
 */
import { createHmac, hash } from "node:crypto";
import * as canonicalizeModule from "canonicalize";
import type { Row, Value } from "../store/store.ts";

/** The package is CommonJS, but its types describe an ES module. */
const serialize = canonicalizeModule.default as unknown as (value: unknown) => string | undefined;

/** JSON with sorted keys (RFC 8785): one text for one value. `undefined` is written as `null`. */
export function canonicalJson(value: unknown): string {
  return serialize(value) ?? "null";
}

/** Column names in the order of canonical JSON. */
export function sortedNames(names: readonly string[]): readonly string[] {
  return names.toSorted();
}

/** The hash that binds a row to the one before it: 64 hex digits. See {@linkcode rowJson}. */
export function hashRow(prevHash: string, row: Row, names: readonly string[]): string {
  return hash("sha256", prevHash + rowJson(row, names), "hex");
}

/** What ties a row to content that can be erased: 64 hex digits that say nothing without the salt. */
export function saltedDigest(salt: string, content: string): string {
  return createHmac("sha256", salt).update(content).digest("hex");
}

/**
 * The members of `row` under `names` as canonical JSON; a missing one counts as null. The names are to be
 * {@linkcode sortedNames}: then nothing is left to be sorted, for a row's values are no objects.
 */
export function rowJson(row: Row, names: readonly string[]): string {
  const picked: Record<string, Value> = {};
  for (const name of names) picked[name] = row[name] ?? null;
  return JSON.stringify(picked);
}

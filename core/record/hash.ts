/**
 * The hash of a row in a chain, and what of it may be erased later.
 *
 * @module
 */
import { createHmac, hash } from "node:crypto";
import * as canonicalizeModule from "canonicalize";
import type { Row } from "../store/store.ts";

/** The package is CommonJS, but its types describe an ES module. */
const serialize = canonicalizeModule.default as unknown as (value: unknown) => string | undefined;

/** JSON with sorted keys (RFC 8785): one text for one value. `undefined` is written as `null`. */
export function canonicalJson(value: unknown): string {
  return serialize(value) ?? "null";
}

/** The hash that binds a row to the one before it: 64 hex digits. */
export function hashRow(prevHash: string, fields: Row): string {
  return hash("sha256", prevHash + canonicalJson(fields), "hex");
}

/** What ties a row to content that can be erased: 64 hex digits that say nothing without the salt. */
export function saltedDigest(salt: string, content: unknown): string {
  return createHmac("sha256", salt).update(canonicalJson(content)).digest("hex");
}

/** The members of `row` under `names`; a missing one counts as null. */
export function pick(row: Row, names: readonly string[]): Row {
  return Object.fromEntries(names.map((name) => [name, row[name] ?? null]));
}

/**
 * Bodies as JSON: parsed once, forms included, and taken apart where one brings several events.
 *
 * @module
 */
import type { EdgeSource } from "../../core/contract/mod.ts";
import type { Bytes } from "../../core/signing/bytes.ts";
import { formObject, isForm, parseForm } from "../../core/signing/form.ts";
import type { HeaderReader } from "../../core/signing/headers.ts";

/** A body read once: its JSON, or nothing when it is none. */
export type Json = { readonly value: unknown } | undefined;

/** More events in one body than this stay together as one. */
const MAX_SPLIT = 1000;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads a body as its source says. */
export function readJson(
  form: EdgeSource["form"],
  headers: HeaderReader,
  body: Bytes,
): Json {
  if (form !== null && isForm(headers.get("content-type"))) return readForm(form, body);
  return parseJson(body);
}

function parseJson(body: Uint8Array): Json {
  try {
    return { value: JSON.parse(decoder.decode(body)) as unknown };
  } catch {
    return undefined;
  }
}

function readForm({ json: field }: NonNullable<EdgeSource["form"]>, body: Bytes): Json {
  const fields = parseForm(body);
  if (fields === undefined) return undefined;
  const value = formObject(fields);
  const inner = field === null || !Object.hasOwn(value, field) ? undefined : value[field];
  return typeof inner === "string" ? parseJson(new TextEncoder().encode(inner)) : { value };
}

/**
 * One body for each item of the lists named, otherwise the same: `["entry", "changes"]` gives one per
 * change of each entry. A body without the first list is one event; an empty list is none.
 */
export function splitEvents(value: unknown, lists: readonly string[]): readonly unknown[] {
  const events = splitAt(value, lists);
  return events.length > MAX_SPLIT ? [value] : events;
}

function splitAt(value: unknown, [name, ...inner]: readonly string[]): readonly unknown[] {
  if (name === undefined || typeof value !== "object" || value === null) return [value];
  if (!Object.hasOwn(value, name)) return [value];
  const items = (value as Record<string, unknown>)[name];
  if (!Array.isArray(items)) return [value];
  return items.flatMap((item: unknown) => splitAt(item, inner))
    .map((item) => ({ ...value, [name]: [item] }));
}

/**
 * Bodies as their source means them, forms included, and taken apart where one brings several events.
 *
 * @module
 */
import {
  bodyOfBytes,
  bodyOfJson,
  type EdgeSource,
  type EventBody,
} from "../../core/contract/mod.ts";
import type { Bytes } from "../../core/signing/bytes.ts";
import { formObject, isForm, parseForm } from "../../core/signing/form.ts";
import type { HeaderReader } from "../../core/signing/headers.ts";

/** More events in one body than this stay together as one. */
const MAX_SPLIT = 1000;

const encoder = new TextEncoder();

/** A body as its source says; its JSON is read when somebody asks for it. */
export function bodyOf(
  form: EdgeSource["form"],
  headers: HeaderReader,
  bytes: Bytes,
): EventBody {
  if (form === null || !isForm(headers.get("content-type"))) return bodyOfBytes(bytes);
  return formBody(form, bytes) ?? { bytes, json: undefined };
}

/** What a form says; undefined when it cannot be read. */
function formBody(
  { json: field }: NonNullable<EdgeSource["form"]>,
  bytes: Bytes,
): EventBody | undefined {
  const fields = parseForm(bytes);
  if (fields === undefined) return undefined;
  const value = formObject(fields);
  const inner = field === null || !Object.hasOwn(value, field) ? undefined : value[field];
  if (typeof inner !== "string") return bodyOfJson(value);
  const body = bodyOfBytes(encoder.encode(inner));
  return body.json === undefined ? undefined : body;
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

/**
 * What tells a delivery from its repetition.
 *
 * @module
 */
import type { EdgeSource, EventBody } from "../../core/contract/mod.ts";
import type { Soon } from "../../core/signing/at_once.ts";
import { type Bytes, encodeHex } from "../../core/signing/bytes.ts";
import { firstHeader, type HeaderReader } from "../../core/signing/headers.ts";
import { sha256 } from "../../core/signing/mac.ts";
import { compilePointer } from "./members.ts";

/** The key of a delivery, how long it is remembered, and the provider's id for people. */
export interface DedupeKey {
  readonly key: string;
  readonly windowMs: number;
  readonly deliveryId: string | null;
}

/** What of a request can tell it apart. */
export interface DedupeInput {
  readonly headers: HeaderReader;
  readonly body: EventBody;
  /** The bytes of the event, made only where its hash is wanted. */
  readonly bytes: () => Bytes;
  /** The sender's timestamp when the signature covers it. */
  readonly timestamp: string | null;
}

const MAX_ID_CHARS = 256;
const encoder = new TextEncoder();

/** Prepares a source's rule. */
export function createDedupe(
  dedupe: EdgeSource["dedupe"],
): (input: DedupeInput) => Soon<DedupeKey> {
  const readId = createIdReader(dedupe);
  const hashWindowMs = dedupe.by === "body_hash" ? dedupe.window_ms : dedupe.fallback_window_ms;
  return (input) => {
    const id = readId(input);
    if (id === undefined) return keyOfBody(input, hashWindowMs);
    if (id.length > MAX_ID_CHARS) return keyOfLongId(id, dedupe.window_ms);
    return { key: `id:${id}`, windowMs: dedupe.window_ms, deliveryId: id };
  };
}

async function keyOfBody({ bytes, timestamp }: DedupeInput, windowMs: number): Promise<DedupeKey> {
  const stamp = timestamp === null ? "" : `${timestamp}:`;
  return { key: `body:${stamp}${await hashOf(bytes())}`, windowMs, deliveryId: null };
}

async function keyOfLongId(id: string, windowMs: number): Promise<DedupeKey> {
  const key = `idhash:${await hashOf(encoder.encode(id))}`;
  return { key, windowMs, deliveryId: id.slice(0, MAX_ID_CHARS) };
}

function createIdReader(
  dedupe: EdgeSource["dedupe"],
): (input: DedupeInput) => string | undefined {
  if (dedupe.by === "header") return ({ headers }) => firstHeader(headers, dedupe.names);
  if (dedupe.by === "body_hash") return () => undefined;
  const reads = dedupe.pointers.map(compilePointer);
  return ({ body: { json } }) => {
    const ids = reads.flatMap((read) => read(json?.value)).filter(isId);
    return ids.length === 0 ? undefined : ids.join(" ");
  };
}

function isId(value: unknown): value is string | number {
  return typeof value === "number" || (typeof value === "string" && value !== "");
}

async function hashOf(bytes: Bytes): Promise<string> {
  return encodeHex(await sha256(bytes));
}

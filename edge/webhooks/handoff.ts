/**
 * From a verified request to what core is handed: kind, subject, dedupe key and envelope.
 *
 * @module
 */
import { type EdgeSource, type Handoff, renderSubject } from "../../core/contract/mod.ts";
import { encodeBase64, encodeHex } from "../../core/signing/bytes.ts";
import { sha256 } from "../../core/signing/mac.ts";
import { firstHeader, type HeaderReader } from "../../core/signing/verifier.ts";

/** A request that passed the signature gate. */
export interface VerifiedRequest {
  readonly headers: HeaderReader;
  readonly body: Uint8Array<ArrayBuffer>;
  /** The sender's timestamp when the signature covers it. */
  readonly timestamp: string | null;
  readonly clientIp: string | null;
  readonly receivedAtMs: number;
  readonly envelopeId: string;
}

/** Harmless headers that travel with an envelope. */
const KEPT_HEADERS = [
  "x-github-delivery",
  "x-stripe-event-id",
  "x-event-id",
  "x-request-id",
  "idempotency-key",
  "user-agent",
] as const;

const MAX_KIND_CHARS = 256;
const MAX_ID_CHARS = 256;

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/** A body read once: its JSON, or nothing when it is none. */
type Json = { readonly value: unknown } | undefined;

/** The hand-off of a request, or undefined when it names no event. */
export async function handoffOf(
  source: EdgeSource,
  request: VerifiedRequest,
): Promise<Handoff | undefined> {
  const json = parseJson(request.body);
  const kind = eventKindOf(source.event_kind_from, request.headers, json);
  if (kind === undefined) return undefined;
  const deliveryId = deliveryIdOf(source.dedupe, request.headers, json);
  const { key, windowMs } = await dedupeOf(source.dedupe, deliveryId, request);
  return {
    envelope: {
      schema: 1,
      source_id: source.id,
      event_kind: kind,
      body_json: json === undefined ? { raw_base64: encodeBase64(request.body) } : json.value,
      headers_subset: keptHeaders(request.headers),
      received_at_ms: request.receivedAtMs,
      envelope_id: request.envelopeId,
      client_ip: request.clientIp,
    },
    subject: renderSubject(source.publish_to, kind),
    dedupe_key: key,
    dedupe_window_ms: windowMs,
    account_id: source.account_id,
    delivery_id: deliveryId?.slice(0, MAX_ID_CHARS) ?? null,
    hops: 0,
  };
}

function parseJson(body: Uint8Array): Json {
  try {
    return { value: JSON.parse(decoder.decode(body)) as unknown };
  } catch {
    return undefined;
  }
}

function eventKindOf(
  from: EdgeSource["event_kind_from"],
  headers: HeaderReader,
  json: Json,
): string | undefined {
  const kind = from.kind === "header" ? headers.get(from.name) : member(json?.value, from.path);
  if (typeof kind !== "string" || kind === "" || kind.length > MAX_KIND_CHARS) return undefined;
  return kind;
}

function member(value: unknown, path: string): unknown {
  let found = value;
  for (const key of path.split(".")) {
    if (Array.isArray(found)) return undefined;
    found = ownMember(found, key);
  }
  return found;
}

function ownMember(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

function deliveryIdOf(
  dedupe: EdgeSource["dedupe"],
  headers: HeaderReader,
  json: Json,
): string | undefined {
  if (dedupe.by === "header") return firstHeader(headers, dedupe.names);
  if (dedupe.by === "body_hash") return undefined;
  let found = json?.value;
  for (const step of dedupe.pointer.split("/").slice(1)) {
    found = ownMember(found, step.replaceAll("~1", "/").replaceAll("~0", "~"));
  }
  if (typeof found === "number") return String(found);
  return typeof found === "string" && found !== "" ? found : undefined;
}

async function dedupeOf(
  dedupe: EdgeSource["dedupe"],
  deliveryId: string | undefined,
  { body, timestamp }: VerifiedRequest,
): Promise<{ key: string; windowMs: number }> {
  if (deliveryId !== undefined) {
    const isShort = deliveryId.length <= MAX_ID_CHARS;
    const key = isShort ? `id:${deliveryId}` : `idhash:${await hashOf(encoder.encode(deliveryId))}`;
    return { key, windowMs: dedupe.window_ms };
  }
  const windowMs = dedupe.by === "body_hash" ? dedupe.window_ms : dedupe.fallback_window_ms;
  const stamp = timestamp === null ? "" : `${timestamp}:`;
  return { key: `body:${stamp}${await hashOf(body)}`, windowMs };
}

async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return encodeHex(await sha256(bytes));
}

function keptHeaders(headers: HeaderReader): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = headers.get(name);
    if (value !== null) kept[name] = value;
  }
  return kept;
}

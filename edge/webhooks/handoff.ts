/**
 * From a verified request to what core is handed: kind, subject, dedupe key and envelope.
 *
 * @module
 */
import { type EdgeSource, type Handoff, renderSubject } from "../../core/contract/mod.ts";
import { type Bytes, encodeBase64 } from "../../core/signing/bytes.ts";
import type { HeaderReader } from "../../core/signing/headers.ts";
import { createDedupe } from "./dedupe.ts";
import { createKindReader } from "./event_kind.ts";
import { type Json, splitEvents } from "./payload.ts";

/** A request that passed the signature gate. */
export interface VerifiedRequest {
  readonly headers: HeaderReader;
  readonly body: Bytes;
  /** The body, read. */
  readonly json: Json;
  /** The sender's timestamp when the signature covers it. */
  readonly timestamp: string | null;
  readonly clientIp: string | null;
  readonly receivedAtMs: number;
  /** The id of the first envelope. */
  readonly envelopeId: string;
  /** Ids for more of them. */
  readonly uuid: () => string;
}

/** The hand-offs of a request, or undefined when an event has no readable kind. */
export type HandoffsOf = (request: VerifiedRequest) => Promise<Handoff[] | undefined>;

/** Harmless headers that travel with an envelope. */
const KEPT_HEADERS = [
  "x-github-delivery",
  "x-stripe-event-id",
  "x-event-id",
  "x-request-id",
  "idempotency-key",
  "user-agent",
] as const;

const encoder = new TextEncoder();

/** Prepares a source's rules. */
export function createHandoffs(source: EdgeSource): HandoffsOf {
  const kindOf = createKindReader(source.event_kind_from);
  const dedupeOf = createDedupe(source.dedupe);

  async function handoffOf(
    request: VerifiedRequest,
    { json, bytes, envelopeId }: { json: Json; bytes: () => Bytes; envelopeId: string },
  ): Promise<Handoff | undefined> {
    const { headers, timestamp } = request;
    const kind = kindOf(headers, json);
    if (kind === undefined) return undefined;
    const { key, windowMs, deliveryId } = await dedupeOf({
      headers,
      value: json?.value,
      bytes,
      timestamp,
    });
    return {
      envelope: {
        schema: 1,
        source_id: source.id,
        event_kind: kind,
        body_json: json === undefined ? { raw_base64: encodeBase64(request.body) } : json.value,
        headers_subset: keptHeaders(headers),
        received_at_ms: request.receivedAtMs,
        envelope_id: envelopeId,
        client_ip: request.clientIp,
      },
      subject: renderSubject(source.publish_to, kind),
      dedupe_key: key,
      dedupe_window_ms: windowMs,
      account_id: source.account_id,
      delivery_id: deliveryId,
      hops: 0,
    };
  }

  return async function handoffsOf(request) {
    const { json, envelopeId } = request;
    const whole = { json, bytes: () => request.body, envelopeId };
    const events = json === undefined ? undefined : splitEvents(json.value, source.split);
    if (events === undefined || (events.length === 1 && events[0] === json?.value)) {
      const handoff = await handoffOf(request, whole);
      return handoff && [handoff];
    }
    const handoffs: Handoff[] = [];
    for (const [i, value] of events.entries()) {
      const handoff = await handoffOf(request, {
        json: { value },
        bytes: () => encoder.encode(JSON.stringify(value)),
        envelopeId: i === 0 ? envelopeId : request.uuid(),
      });
      if (handoff === undefined) return undefined;
      handoffs.push(handoff);
    }
    return handoffs;
  };
}

function keptHeaders(headers: HeaderReader): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = headers.get(name);
    if (value !== null) kept[name] = value;
  }
  return kept;
}

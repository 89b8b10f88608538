/**
 * From a verified request to what core is handed: kind, subject, dedupe key and envelope.
 *
 * @module
 */
import {
  bodyOfJson,
  compileSubject,
  type EdgeSource,
  type EventBody,
  type Handoff,
} from "../../core/contract/mod.ts";
import { andThen, type Soon } from "../../core/signing/at_once.ts";
import type { Bytes } from "../../core/signing/bytes.ts";
import type { HeaderReader } from "../../core/signing/headers.ts";
import { createDedupe } from "./dedupe.ts";
import { createKindReader } from "./event_kind.ts";
import { splitEvents } from "./payload.ts";

/** A request that passed the signature gate. */
export interface VerifiedRequest {
  readonly headers: HeaderReader;
  /** As it was signed. */
  readonly bytes: Bytes;
  readonly body: EventBody;
  /** The sender's timestamp when the signature covers it. */
  readonly timestamp: string | null;
  readonly clientIp: string | null;
  readonly receivedAtMs: number;
  /** The id of the first envelope. */
  readonly envelopeId: string;
  /** Ids for more of them. */
  readonly uuid: () => string;
}

/**
 * The hand-offs of a request, or undefined when an event has no readable kind. They are there at once
 * unless a body has to be hashed.
 */
export type HandoffsOf = (request: VerifiedRequest) => Soon<Handoff[] | undefined>;

/** One event of a request. */
interface Event {
  readonly body: EventBody;
  readonly bytes: () => Bytes;
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

const encoder = new TextEncoder();

/** Prepares a source's rules. */
export function createHandoffs(source: EdgeSource): HandoffsOf {
  const kindOf = createKindReader(source.event_kind_from);
  const dedupeOf = createDedupe(source.dedupe);
  const subjectOf = compileSubject(source.publish_to);

  function handoffOf(
    request: VerifiedRequest,
    { body, bytes, envelopeId }: Event,
  ): Soon<Handoff | undefined> {
    const { headers, timestamp } = request;
    const kind = kindOf(headers, body);
    if (kind === undefined) return undefined;
    const key = dedupeOf({ headers, body, bytes, timestamp });
    return andThen(key, ({ key, windowMs, deliveryId }) => ({
      envelope: {
        schema: 1,
        source_id: source.id,
        event_kind: kind,
        headers_subset: keptHeaders(headers),
        received_at_ms: request.receivedAtMs,
        envelope_id: envelopeId,
        client_ip: request.clientIp,
      },
      body,
      subject: subjectOf(kind),
      dedupe_key: key,
      dedupe_window_ms: windowMs,
      account_id: source.account_id,
      delivery_id: deliveryId,
      hops: 0,
    }));
  }

  /** All of them, or none when one has no kind. */
  async function handoffsOfEvents(
    request: VerifiedRequest,
    events: readonly Event[],
  ): Promise<Handoff[] | undefined> {
    const handoffs: Handoff[] = [];
    for (const event of events) {
      const handoff = await handoffOf(request, event);
      if (handoff === undefined) return undefined;
      handoffs.push(handoff);
    }
    return handoffs;
  }

  return function handoffsOf(request) {
    const events = eventsOf(request, source.split);
    const [only] = events;
    if (only === undefined || events.length > 1) return handoffsOfEvents(request, events);
    return andThen(handoffOf(request, only), (handoff) => handoff && [handoff]);
  };
}

/** The events a body brings: itself, or what its lists hold. */
function eventsOf(request: VerifiedRequest, split: readonly string[]): Event[] {
  const { body, bytes, envelopeId } = request;
  const whole = [{ body, bytes: () => bytes, envelopeId }];
  if (split.length === 0 || body.json === undefined) return whole;
  const values = splitEvents(body.json.value, split);
  if (values.length === 1 && values[0] === body.json.value) return whole;
  return values.map((value, i) => ({
    body: bodyOfJson(value),
    bytes: () => encoder.encode(JSON.stringify(value)),
    envelopeId: i === 0 ? envelopeId : request.uuid(),
  }));
}

function keptHeaders(headers: HeaderReader): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = headers.get(name);
    if (value !== null) kept[name] = value;
  }
  return kept;
}

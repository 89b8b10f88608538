/**
 * A verified webhook on its way from the edge to core, and what core says of it.
 *
 * @module
 */
import { z } from "zod";
import { type EventBody, shownBody } from "./event_body.ts";
import { Uuid } from "./ids.ts";

/** The payload of a webhook event, as it is published. */
export const Envelope = z.strictObject({
  schema: z.literal(1),
  /** The source's `id` in `webhook_receiver.yaml`. */
  source_id: z.string().min(1),
  /** The provider's own name of the event, dots and all. */
  event_kind: z.string().min(1),
  /** The parsed body, or `{raw_base64}` when it is not JSON. Not trusted. */
  body_json: z.unknown(),
  /** Lower-case names of a few harmless headers. */
  headers_subset: z.record(z.string(), z.string()),
  /** Milliseconds since the epoch, read at the edge. */
  received_at_ms: z.int().nonnegative(),
  envelope_id: Uuid,
  client_ip: z.string().nullable(),
});
/** See {@linkcode Envelope}. */
export type Envelope = z.infer<typeof Envelope>;

/** An envelope without its body. */
export const EnvelopeHead = Envelope.omit({ body_json: true });
/** See {@linkcode EnvelopeHead}. */
export type EnvelopeHead = z.infer<typeof EnvelopeHead>;

/** The envelope of a head and a body. */
export function envelopeOf(
  { schema, source_id, event_kind, ...rest }: EnvelopeHead,
  body: EventBody,
): Envelope {
  return { schema, source_id, event_kind, body_json: shownBody(body), ...rest };
}

/** All of a {@linkcode Handoff} but its body. */
export const HandoffHead = z.strictObject({
  envelope: EnvelopeHead,
  /** The rendered `publish_to`. */
  subject: z.string().min(1),
  /** What the same delivery carries each time; unique per source within `dedupe_window_ms`. */
  dedupe_key: z.string().min(1).max(512),
  /** How long the key is remembered, in milliseconds. */
  dedupe_window_ms: z.int().positive(),
  /** The tenant the source belongs to, when it names one. */
  account_id: z.string().nullable(),
  /** The provider's delivery id, for people. */
  delivery_id: z.string().nullable(),
  /** How many subscribers an event has passed through; loops end at a bound. */
  hops: z.int().nonnegative(),
  /** The edge's span, as W3C Trace Context has it; only from an edge that traces. */
  traceparent: z.string().max(64).optional(),
});
/** An envelope in hand-off, with what the edge knows about it beside the payload. */
export interface Handoff extends z.infer<typeof HandoffHead> {
  readonly body: EventBody;
}

/** What became of one envelope. `accepted` and `duplicate` mean: it is on disk. */
export const Outcome = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("accepted"), envelope_id: Uuid }),
  z.strictObject({ kind: z.literal("duplicate"), envelope_id: Uuid }),
  z.strictObject({ kind: z.literal("refused"), code: z.string(), retryable: z.boolean() }),
]);
/** See {@linkcode Outcome}. */
export type Outcome = z.infer<typeof Outcome>;

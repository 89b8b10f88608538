/**
 * Events a channel fetches by itself, in the shape an edge would hand them over.
 *
 * @module
 */
import { bindingId, type EventBody, type Handoff, subjects } from "../contract/mod.ts";

/** How long an event fetched twice is known for the same, in milliseconds. */
const DEDUPE_WINDOW_MS = 72 * 3_600_000;

/** An event of an instance's provider. */
export interface FetchedEvent {
  readonly channel: string;
  readonly instance: string;
  readonly kind: string;
  readonly body: EventBody;
  /** The provider's id of it. */
  readonly id: string;
}

/** The hand-off of a fetched event; its key is the one the edge gives to the same event. */
export function handoffOf(
  { channel, instance, kind, body, id }: FetchedEvent,
  { uuid, now }: { uuid: () => string; now: () => number },
): Handoff {
  return {
    envelope: {
      schema: 1,
      source_id: bindingId(channel, instance),
      event_kind: kind,
      headers_subset: {},
      received_at_ms: now(),
      envelope_id: uuid(),
      client_ip: null,
    },
    body,
    subject: subjects.inbound(channel, instance),
    dedupe_key: `id:${id}`.slice(0, 512),
    dedupe_window_ms: DEDUPE_WINDOW_MS,
    account_id: null,
    delivery_id: id.slice(0, 256),
    hops: 0,
  };
}

/**
 * Events between core and edges: what is committed now, and pages of the past.
 *
 * A message is lines: its head as JSON, then two for each event, what is looked at and the body as it
 * is stored. Bodies are never parsed or escaped on the way.
 *
 * @module
 */
import { z } from "zod";
import { CodedError } from "./errors.ts";
import { EventFilter, type FilterableEvent } from "./firehose.ts";

/** An event on its way to edges. */
export interface WireEvent extends FilterableEvent {
  /** The global offset. */
  readonly id: number;
  /** The account's own offset. */
  readonly offset: number;
}

const offset = z.int().nonnegative();
const epoch = z.string().regex(/^[a-z0-9]{1,32}$/);

/** Head of what is published after commits; without events it is a sign of life. */
export const LiveHead = z.strictObject({
  epoch,
  /** The global id before the first event here: another one than the last heard means a loss. */
  prev: offset,
  /** The newest global id. */
  last: offset,
});
/** See {@linkcode LiveHead}. */
export type LiveHead = z.infer<typeof LiveHead>;

/** Asks for the events after an offset of the caller's stream; the token rides in `authorization`. */
export const BackfillRequest = z.strictObject({
  /** Null asks only where the stream ends. */
  after: offset.nullable(),
  filter: EventFilter,
});
/** See {@linkcode BackfillRequest}. */
export type BackfillRequest = z.infer<typeof BackfillRequest>;

/** Head of a page. */
export const BackfillHead = z.strictObject({
  epoch,
  /** The newest offset of the stream. */
  head: offset,
  /** The page is complete up to and with this one; below `after` when the stream is shorter than that. */
  next: offset,
  /** First and last offsets that are lost or trimmed, in order. */
  gaps: z.array(z.tuple([offset, offset])),
});
/** See {@linkcode BackfillHead}. */
export type BackfillHead = z.infer<typeof BackfillHead>;

const EventLine = z.tuple([offset, z.string(), offset, z.string().nullable(), z.string()]);

/** The two lines of one event. */
export function eventLines({ id, account, offset: own, agentId, kind, body }: WireEvent): string {
  return `\n${JSON.stringify([id, account, own, agentId, kind])}\n${body ?? ""}`;
}

/** The bytes of a message; `lines` are those of {@linkcode eventLines}. */
export function encodeEventBatch(
  head: LiveHead | BackfillHead,
  lines: readonly string[],
): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(head) + lines.join(""));
}

/**
 * Reads what {@linkcode encodeEventBatch} wrote.
 *
 * @throws {CodedError} `envelope_invalid`
 */
export function decodeEventBatch<T>(
  headSchema: z.ZodType<T>,
  data: Uint8Array,
): { head: T; events: WireEvent[] } {
  try {
    const lines = new TextDecoder("utf-8", { fatal: true }).decode(data).split("\n");
    const head = headSchema.parse(JSON.parse(lines[0] ?? ""));
    const events: WireEvent[] = [];
    for (let i = 1; i < lines.length; i += 2) {
      const [id, account, own, agentId, kind] = EventLine.parse(JSON.parse(lines[i] ?? ""));
      const body = lines[i + 1] ?? "";
      events.push({ id, account, offset: own, agentId, kind, body: body === "" ? null : body });
    }
    return { head, events };
  } catch (cause) {
    throw new CodedError("envelope_invalid", "Cannot read events: the message is malformed", {
      cause,
    });
  }
}

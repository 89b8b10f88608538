/**
 * Many hand-offs as one message: a line of facts about each, and the bytes of its body.
 *
 * @module
 */
import { z } from "zod";
import { bodyOfBytes, CodedError, type Handoff, HandoffHead, Outcome } from "../contract/mod.ts";

/** One hand-off, ready to travel. */
export interface Parcel {
  readonly envelopeId: string;
  readonly bytes: Uint8Array;
}

/** What precedes a body. */
const Head = HandoffHead.extend({
  body_bytes: z.int().nonnegative(),
  /** Said by earlier edges, whose hand-offs may still wait in a stream; the bytes tell it as well. */
  body_form: z.enum(["json", "raw"]).optional(),
});

const Outcomes = z.array(Outcome);

const NEWLINE = 10;
/** No hand-off's facts are longer; kinds, keys and headers are bounded where they enter. */
const MAX_HEAD_BYTES = 256 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Encodes one hand-off. */
export function encodeHandoff(handoff: Handoff): Parcel {
  const { body: { bytes: body }, envelope } = handoff;
  const head: z.input<typeof Head> = {
    envelope,
    subject: handoff.subject,
    dedupe_key: handoff.dedupe_key,
    dedupe_window_ms: handoff.dedupe_window_ms,
    account_id: handoff.account_id,
    delivery_id: handoff.delivery_id,
    hops: handoff.hops,
    traceparent: handoff.traceparent,
    body_bytes: body.length,
  };
  const line = encoder.encode(JSON.stringify(head));
  const bytes = new Uint8Array(line.length + body.length + 2);
  bytes.set(line);
  bytes[line.length] = NEWLINE;
  bytes.set(body, line.length + 1);
  bytes[bytes.length - 1] = NEWLINE;
  return { envelopeId: envelope.envelope_id, bytes };
}

/** The message that carries `parcels`, in order. */
export function joinParcels(parcels: readonly Parcel[]): Uint8Array<ArrayBuffer> {
  const length = parcels.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const joined = new Uint8Array(length);
  let at = 0;
  for (const { bytes } of parcels) {
    joined.set(bytes, at);
    at += bytes.length;
  }
  return joined;
}

/**
 * The hand-offs of a message, in order.
 *
 * @throws {CodedError} `envelope_invalid`
 */
export function decodeHandoffs(message: Uint8Array): Handoff[] {
  const handoffs: Handoff[] = [];
  let at = 0;
  while (at < message.length) {
    const lineEnd = message.indexOf(NEWLINE, at);
    if (lineEnd < 0 || lineEnd - at > MAX_HEAD_BYTES) throw malformed(handoffs.length, "no head");
    const { body_bytes, body_form: _earlier, ...head } = readHead(
      message.subarray(at, lineEnd),
      handoffs.length,
    );
    const bodyEnd = lineEnd + 1 + body_bytes;
    if (message[bodyEnd] !== NEWLINE) throw malformed(handoffs.length, "its body is cut");
    handoffs.push({ body: bodyOfBytes(message.subarray(lineEnd + 1, bodyEnd)), ...head });
    at = bodyEnd + 1;
  }
  return handoffs;
}

/** The answer to a message: one outcome for each of its hand-offs. */
export function encodeOutcomes(outcomes: readonly Outcome[]): Uint8Array {
  return encoder.encode(JSON.stringify(outcomes));
}

/** @throws {CodedError} `internal` when the answer is none or does not fit the question */
export function decodeOutcomes(answer: Uint8Array, count: number): Outcome[] {
  const outcomes = Outcomes.safeParse(tryJson(answer));
  if (outcomes.success && outcomes.data.length === count) return outcomes.data;
  throw new CodedError("internal", `Cannot hand off: core's answer is not ${count} outcomes`);
}

function readHead(line: Uint8Array, index: number): z.infer<typeof Head> {
  const head = Head.safeParse(tryJson(line));
  if (head.success) return head.data;
  throw malformed(index, z.prettifyError(head.error).replaceAll("\n", " "));
}

function tryJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}

function malformed(index: number, state: string): CodedError {
  return new CodedError(
    "envelope_invalid",
    `Cannot read hand-off number ${index + 1} of a message: ${state}`,
  );
}

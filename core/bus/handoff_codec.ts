/**
 * Many hand-offs as one message: a line of facts about each, and its body as compact bytes.
 *
 * @module
 */
import { z } from "zod";
import { CodedError, Envelope, Handoff, messageOf, Outcome } from "../contract/mod.ts";
import { decodeBase64, encodeBase64 } from "../signing/bytes.ts";

/** One hand-off, ready to travel. */
export interface Parcel {
  readonly envelopeId: string;
  readonly bytes: Uint8Array;
}

/** What precedes a body: all of the hand-off except the body, and how to read that. */
const Head = Handoff.extend({
  envelope: Envelope.omit({ body_json: true }),
  body_bytes: z.int().nonnegative(),
  /** `raw`: the bytes themselves, which became base64 in the envelope. */
  body_form: z.enum(["json", "raw"]),
});

const Outcomes = z.array(Outcome);

const NEWLINE = 10;
/** No hand-off's facts are longer; kinds, keys and headers are bounded where they enter. */
const MAX_HEAD_BYTES = 256 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Encodes one hand-off. */
export function encodeHandoff(handoff: Handoff): Parcel {
  const { envelope: { body_json, ...envelope }, ...rest } = handoff;
  const raw = rawBytes(body_json);
  const body = raw ?? encoder.encode(JSON.stringify(body_json) ?? "");
  const form = raw === undefined ? "json" : "raw";
  const head = { ...rest, envelope, body_bytes: body.length, body_form: form };
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
    const { body_bytes, body_form, envelope, ...rest } = readHead(
      message.subarray(at, lineEnd),
      handoffs.length,
    );
    const bodyEnd = lineEnd + 1 + body_bytes;
    if (message[bodyEnd] !== NEWLINE) throw malformed(handoffs.length, "its body is cut");
    const body = message.subarray(lineEnd + 1, bodyEnd);
    const body_json = body_form === "raw"
      ? { raw_base64: encodeBase64(body) }
      : readJson(body, handoffs.length);
    handoffs.push({ ...rest, envelope: { ...envelope, body_json } });
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

/** The bytes of a body that is not JSON, when its base64 says exactly them. */
function rawBytes(body: unknown): Uint8Array | undefined {
  if (typeof body !== "object" || body === null || !("raw_base64" in body)) return undefined;
  const { raw_base64: text, ...others } = body;
  if (typeof text !== "string" || Object.keys(others).length > 0) return undefined;
  const bytes = decodeBase64(text);
  // Padding bits that say nothing would be lost: such a text travels as JSON.
  return bytes !== undefined && encodeBase64(bytes) === text ? bytes : undefined;
}

function readHead(line: Uint8Array, index: number): z.infer<typeof Head> {
  const head = Head.safeParse(tryJson(line));
  if (head.success) return head.data;
  throw malformed(index, z.prettifyError(head.error).replaceAll("\n", " "));
}

function readJson(body: Uint8Array, index: number): unknown {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(decoder.decode(body)) as unknown;
  } catch (error) {
    throw malformed(index, messageOf(error), error);
  }
}

function tryJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}

function malformed(index: number, state: string, cause?: unknown): CodedError {
  const message = `Cannot read hand-off number ${index + 1} of a message: ${state}`;
  return new CodedError("envelope_invalid", message, { cause });
}

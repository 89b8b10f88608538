/**
 * The frames of an exchange, as bytes.
 *
 * One byte says what the frame is; four, big-endian, number it among all frames of its sender in this
 * exchange, from 0, so that a lost one is noticed. Then, by kind:
 *
 * | kind | rest |
 * |---|---|
 * | 1 head | JSON, an `ExchangeHead` |
 * | 2 data | one byte: 0 bytes of a body, 1 text, 2 binary of a WebSocket, and 4 more when its message goes on; then the data |
 * | 3 end | nothing, or JSON, a `SocketClose` |
 * | 4 cancel | an error code |
 * | 5 credit | four bytes, big-endian: how many more bytes of data may come |
 *
 * @module
 */
import { CodedError, ERROR_CODES, type ErrorCode } from "../errors.ts";
import { ExchangeHead, SocketClose } from "./messages.ts";

/** What data is: a piece of a body, or of one WebSocket message. */
export type DataForm = "bytes" | "text" | "binary";

/** A frame without its number. */
export type ExchangeFrame =
  | { readonly kind: "head"; readonly head: ExchangeHead }
  | {
    readonly kind: "data";
    readonly form: DataForm;
    /** Whether more of the same WebSocket message follows. */
    readonly hasMore: boolean;
    readonly bytes: Uint8Array;
  }
  /** Nothing more from the sender; for a WebSocket also how it was closed. */
  | { readonly kind: "end"; readonly close: SocketClose | null }
  /** The exchange is over, both ways. */
  | { readonly kind: "cancel"; readonly code: ErrorCode }
  | { readonly kind: "credit"; readonly bytes: number };

/** Bytes before what a frame carries. */
const PREFIX_BYTES = 5;
const KINDS = ["head", "data", "end", "cancel", "credit"] as const;
const FORMS: readonly DataForm[] = ["bytes", "text", "binary"];
const HAS_MORE = 4;
const MAX_NUMBER = 0xffff_ffff;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The bytes of frame number `number`; data is copied. */
export function encodeFrame(frame: ExchangeFrame, number: number): Uint8Array<ArrayBuffer> {
  const rest = restOf(frame);
  const flags = frame.kind === "data" ? 1 : 0;
  const bytes = new Uint8Array(PREFIX_BYTES + flags + rest.length);
  bytes[0] = KINDS.indexOf(frame.kind) + 1;
  new DataView(bytes.buffer).setUint32(1, number);
  if (frame.kind === "data") {
    bytes[PREFIX_BYTES] = FORMS.indexOf(frame.form) + (frame.hasMore ? HAS_MORE : 0);
  }
  bytes.set(rest, PREFIX_BYTES + flags);
  return bytes;
}

function restOf(frame: ExchangeFrame): Uint8Array {
  switch (frame.kind) {
    case "head":
      return encoder.encode(JSON.stringify(frame.head));
    case "data":
      return frame.bytes;
    case "end":
      return frame.close === null ? new Uint8Array() : encoder.encode(JSON.stringify(frame.close));
    case "cancel":
      return encoder.encode(frame.code);
    case "credit": {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, Math.min(frame.bytes, MAX_NUMBER));
      return bytes;
    }
  }
}

/**
 * The frame of some bytes, and its number.
 *
 * @throws {CodedError} `exchange_invalid`
 */
export function decodeFrame(bytes: Uint8Array): { frame: ExchangeFrame; number: number } {
  const kind = KINDS[(bytes[0] ?? 0) - 1];
  if (kind === undefined || bytes.length < PREFIX_BYTES) throw invalid("its kind is unknown");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const number = view.getUint32(1);
  const rest = bytes.subarray(PREFIX_BYTES);
  switch (kind) {
    case "head":
      return { frame: { kind, head: read(() => ExchangeHead.parse(jsonOf(rest))) }, number };
    case "data": {
      const flags = rest[0] ?? 0xff;
      const form = FORMS[flags & ~HAS_MORE];
      if (form === undefined) throw invalid("its data has no form");
      const hasMore = (flags & HAS_MORE) !== 0;
      return { frame: { kind, form, hasMore, bytes: rest.subarray(1) }, number };
    }
    case "end": {
      const close = rest.length === 0 ? null : read(() => SocketClose.parse(jsonOf(rest)));
      return { frame: { kind, close }, number };
    }
    case "cancel":
      return { frame: { kind, code: read(() => errorCodeOf(decoder.decode(rest))) }, number };
    case "credit":
      if (rest.length !== 4) throw invalid("its credit is no number");
      return { frame: { kind, bytes: view.getUint32(PREFIX_BYTES) }, number };
  }
}

function jsonOf(bytes: Uint8Array): unknown {
  return JSON.parse(decoder.decode(bytes));
}

function read<T>(parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw invalid("what it carries cannot be read", cause);
  }
}

/** A code of a newer build reads as `internal`. */
function errorCodeOf(text: string): ErrorCode {
  return Object.hasOwn(ERROR_CODES, text) ? text as ErrorCode : "internal";
}

/** One live exchange, as its end knows it. */
export interface RollEntry {
  readonly exchange: string;
  /** Frames sent so far. */
  readonly sent: number;
}

const NAME_BYTES = 16;
const ENTRY_BYTES = NAME_BYTES + 4;

/**
 * What one side says of itself every few seconds: its address, and the exchanges it has with the
 * other. So a frame that was lost is noticed though none follows, and so is a side that is gone.
 */
export function encodeRoll(from: string, entries: readonly RollEntry[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(NAME_BYTES + entries.length * ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(nameBytes(from));
  entries.forEach(({ exchange, sent }, i) => {
    const at = NAME_BYTES + i * ENTRY_BYTES;
    bytes.set(nameBytes(exchange), at);
    view.setUint32(at + NAME_BYTES, sent);
  });
  return bytes;
}

/** @throws {CodedError} `exchange_invalid` */
export function decodeRoll(
  bytes: Uint8Array,
): { from: string; sent: ReadonlyMap<string, number> } {
  const rest = bytes.length - NAME_BYTES;
  if (rest < 0 || rest % ENTRY_BYTES !== 0) throw invalid("it is no list of exchanges");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sent = new Map<string, number>();
  for (let at = NAME_BYTES; at < bytes.length; at += ENTRY_BYTES) {
    sent.set(nameOf(bytes.subarray(at, at + NAME_BYTES)), view.getUint32(at + NAME_BYTES));
  }
  return { from: nameOf(bytes.subarray(0, NAME_BYTES)), sent };
}

function nameBytes(name: string): Uint8Array {
  return Uint8Array.from(
    { length: NAME_BYTES },
    (_, i) => Number.parseInt(name.slice(2 * i, 2 * i + 2), 16),
  );
}

function nameOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function invalid(state: string, cause?: unknown): CodedError {
  return new CodedError("exchange_invalid", `Cannot read a frame: ${state}`, { cause });
}

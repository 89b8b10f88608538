/**
 * What NATS clients say, read from pieces of any size.
 *
 * @module
 */
import { z } from "zod";
import { isPattern, isSubject } from "../contract/mod.ts";
import type { Headers } from "./bus.ts";

/** The part of a CONNECT that means something here. */
export const ConnectOptions = z.looseObject({
  auth_token: z.string().optional(),
  /** Every operation is answered with `+OK`. */
  verbose: z.boolean().default(false),
  /** Whether a client hears what it publishes itself. */
  echo: z.boolean().default(true),
  headers: z.boolean().default(false),
  no_responders: z.boolean().default(false),
});
/** See {@linkcode ConnectOptions}. */
export type ConnectOptions = z.infer<typeof ConnectOptions>;

/** One operation of a client. */
export type ClientOp =
  | { readonly kind: "connect"; readonly options: ConnectOptions }
  | {
    readonly kind: "pub";
    readonly subject: string;
    readonly reply: string | undefined;
    readonly data: Uint8Array;
    readonly headers: Headers;
  }
  | {
    readonly kind: "sub";
    readonly pattern: string;
    readonly queue: string | undefined;
    readonly sid: string;
  }
  /** `max`: after so many messages in all; at once without. */
  | { readonly kind: "unsub"; readonly sid: string; readonly max: number | undefined }
  | { readonly kind: "ping" }
  | { readonly kind: "pong" };

/** A client broke the protocol; nothing it says afterwards can be understood. */
export class ProtocolFault extends Error {
  override readonly name = "ProtocolFault";
}

/** Reads one client. */
export interface ClientParser {
  /**
   * The operations that `chunk` completes, in order. Each call must be read to its end before the next.
   *
   * @throws {ProtocolFault} in the place of the operation that is none
   */
  read(chunk: Uint8Array): Generator<ClientOp, void, undefined>;
}

/** Bounds of a parser; it never holds more than both together, and some change. */
export interface ParserOptions {
  /** Headers and data of one message. */
  readonly maxPayloadBytes: number;
  /** One line, CONNECT included. @default {4096} */
  readonly maxLineBytes?: number | undefined;
}

/** A message whose line was read and whose bytes are on their way. */
interface Pending {
  readonly subject: string;
  readonly reply: string | undefined;
  readonly headerBytes: number;
  /** Headers, data and the line end after them. */
  readonly totalBytes: number;
}

const LF = 10;
const CR = 13;
const MAX_SID_CHARS = 64;
const NO_HEADERS: Headers = Object.freeze({});
const NO_BYTES = new Uint8Array();

/** A parser at the beginning of a connection. */
export function createClientParser(options: ParserOptions): ClientParser {
  const { maxPayloadBytes, maxLineBytes = 4096 } = options;
  const decoder = new TextDecoder();
  /** The beginning of a line, or the bytes of `pending` so far. */
  let held = NO_BYTES;
  let heldBytes = 0;
  let pending: Pending | undefined;
  let isBroken = false;

  function hold(bytes: Uint8Array, limitBytes: number): void {
    const wanted = heldBytes + bytes.length;
    if (wanted > held.length) {
      // Doubling keeps the copying in proportion, and what is held to what was received.
      const larger = new Uint8Array(Math.min(limitBytes, Math.max(256, wanted * 2)));
      larger.set(held.subarray(0, heldBytes));
      held = larger;
    }
    held.set(bytes, heldBytes);
    heldBytes = wanted;
  }

  function takeHeld(): Uint8Array {
    const taken = held.subarray(0, heldBytes);
    [held, heldBytes] = [NO_BYTES, 0];
    return taken;
  }

  /** The next line from `at` on and where it ends, or nothing while it is not complete. */
  function takeLine(chunk: Uint8Array, at: number): { text: string; end: number } | undefined {
    const lineEnd = chunk.indexOf(LF, at);
    const piece = chunk.subarray(at, lineEnd < 0 ? chunk.length : lineEnd);
    if (heldBytes + piece.length > maxLineBytes) {
      throw new ProtocolFault("Maximum Control Line Exceeded");
    }
    if (lineEnd >= 0 && heldBytes === 0) return { text: lineText(piece), end: lineEnd + 1 };
    hold(piece, maxLineBytes);
    return lineEnd < 0 ? undefined : { text: lineText(takeHeld()), end: lineEnd + 1 };
  }

  function lineText(bytes: Uint8Array): string {
    return decoder.decode(bytes.at(-1) === CR ? bytes.subarray(0, -1) : bytes);
  }

  /** The bytes of `totalBytes` from `at` on, or nothing while they are not complete. */
  function takeBody(
    chunk: Uint8Array,
    at: number,
    totalBytes: number,
  ): { bytes: Uint8Array | undefined; end: number } {
    const end = Math.min(chunk.length, at + totalBytes - heldBytes);
    const piece = chunk.subarray(at, end);
    if (piece.length === totalBytes) return { bytes: piece, end };
    hold(piece, totalBytes);
    return { bytes: heldBytes === totalBytes ? takeHeld() : undefined, end };
  }

  function messageOf({ subject, reply, headerBytes, totalBytes }: Pending, bytes: Uint8Array) {
    const dataEnd = totalBytes - 2;
    if (bytes[dataEnd] !== CR || bytes[dataEnd + 1] !== LF) {
      throw new ProtocolFault("Unknown Protocol Operation");
    }
    const headers = headerBytes === 0
      ? NO_HEADERS
      : readHeaders(decoder.decode(bytes.subarray(0, headerBytes)));
    const data = bytes.subarray(headerBytes, dataEnd);
    return { kind: "pub", subject, reply, headers, data } as const;
  }

  return {
    *read(chunk) {
      if (isBroken) throw new ProtocolFault("Unknown Protocol Operation");
      // Faults leave the parser broken; only a whole read mends that.
      isBroken = true;
      // Messages go on as plain byte arrays, whatever the socket's kind is.
      const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      let at = 0;
      while (at < bytes.length) {
        if (pending === undefined) {
          const line = takeLine(bytes, at);
          if (line === undefined) break;
          at = line.end;
          const read = readLine(line.text, maxPayloadBytes);
          if ("totalBytes" in read) pending = read;
          else yield read;
        } else {
          const body = takeBody(bytes, at, pending.totalBytes);
          at = body.end;
          if (body.bytes === undefined) break;
          const message = messageOf(pending, body.bytes);
          pending = undefined;
          yield message;
        }
      }
      isBroken = false;
    },
  };
}

function readLine(line: string, maxPayloadBytes: number): ClientOp | Pending {
  const [verb = "", ...words] = line.trim().split(/[ \t]+/);
  switch (verb.toUpperCase()) {
    case "PUB":
      return readPub(words, 0, maxPayloadBytes);
    case "HPUB":
      return readPub(words, 1, maxPayloadBytes);
    case "SUB":
      return readSub(words);
    case "UNSUB":
      return readUnsub(words);
    case "PING":
      return { kind: "ping" };
    case "PONG":
      return { kind: "pong" };
    case "CONNECT":
      return { kind: "connect", options: readConnect(line.trim().slice(verb.length)) };
    default:
      throw new ProtocolFault("Unknown Protocol Operation");
  }
}

/** `<subject> [reply] [header bytes] <bytes in all>`. */
function readPub(
  words: readonly string[],
  headerWords: 0 | 1,
  maxPayloadBytes: number,
): Pending {
  const sizes = words.slice(-1 - headerWords).map(readNumber);
  const [subject = "", reply, ...rest] = words.slice(0, -1 - headerWords);
  const [first = 0, bytes = first] = sizes;
  const headerBytes = headerWords === 0 ? 0 : first;
  if (sizes.length !== 1 + headerWords || rest.length > 0 || headerBytes > bytes) {
    throw new ProtocolFault("Unknown Protocol Operation");
  }
  if (bytes > maxPayloadBytes) throw new ProtocolFault("Maximum Payload Violation");
  if (!isSubject(subject) || (reply !== undefined && !isSubject(reply))) {
    throw new ProtocolFault("Invalid Publish Subject");
  }
  return { subject, reply, headerBytes, totalBytes: bytes + 2 };
}

/** `<pattern> [queue] <sid>`. */
function readSub(words: readonly string[]): ClientOp {
  const [pattern = "", second = "", third, ...rest] = words;
  const [queue, sid] = third === undefined ? [undefined, second] : [second, third];
  if (!isSid(sid) || rest.length > 0) throw new ProtocolFault("Unknown Protocol Operation");
  if (!isPattern(pattern)) throw new ProtocolFault("Invalid Subject");
  return { kind: "sub", pattern, queue, sid };
}

/** `<sid> [max]`. */
function readUnsub([sid = "", max, ...rest]: readonly string[]): ClientOp {
  if (!isSid(sid) || rest.length > 0) throw new ProtocolFault("Unknown Protocol Operation");
  const messages = max === undefined ? 0 : readNumber(max);
  return { kind: "unsub", sid, max: messages === 0 ? undefined : messages };
}

function isSid(text: string): boolean {
  return text !== "" && text.length <= MAX_SID_CHARS;
}

function readNumber(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new ProtocolFault("Unknown Protocol Operation");
  return Number(text);
}

function readConnect(text: string): ConnectOptions {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ProtocolFault("Invalid Client Protocol", { cause });
  }
  const parsed = ConnectOptions.safeParse(json);
  if (!parsed.success) throw new ProtocolFault("Invalid Client Protocol");
  return parsed.data;
}

/** `NATS/1.0`, then a line for each header, then an empty one; the last of a name counts. */
function readHeaders(text: string): Headers {
  const [version = "", ...lines] = text.split("\r\n");
  if (!version.startsWith("NATS/1.0") || lines.pop() !== "" || lines.pop() !== "") {
    throw new ProtocolFault("Invalid Headers");
  }
  return Object.fromEntries(lines.map((line) => {
    const colon = line.indexOf(":");
    if (colon < 1) throw new ProtocolFault("Invalid Headers");
    return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
  }));
}

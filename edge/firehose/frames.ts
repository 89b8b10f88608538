/**
 * Frames as they are sent: built once, shared by every client of a stream, joined into one write.
 *
 * @module
 */
import { type FirehoseFrame, formatCursor } from "../../core/contract/mod.ts";

/** One frame. */
export interface Frame {
  readonly type: FirehoseFrame["type"];
  /** Where a client that has this frame resumes; empty when the frame says nothing of it. */
  readonly cursor: string;
  readonly text: string;
  /** A whole WebSocket text frame, once somebody needed it. */
  wire?: Uint8Array<ArrayBuffer>;
}

/** Frames for one write. */
export interface Messages {
  /** Events among them. */
  readonly events: number;
  /** Gaps among them. */
  readonly gaps: number;
  readonly texts: readonly string[];
  /** All of them as unmasked WebSocket frames; the same bytes at each call. */
  readonly wire: () => Uint8Array<ArrayBuffer>;
  /** All of them as server-sent events. */
  readonly sse: () => Uint8Array<ArrayBuffer>;
}

const encoder = new TextEncoder();

/** The frame of the event at `offset`; `body` is its JSON, or null when that was too large to carry. */
export function frameAt(epoch: string, offset: number, body: string | null): Frame {
  const cursor = formatCursor(epoch, offset);
  if (body !== null) {
    return { type: "event", cursor, text: `{"type":"event","cursor":"${cursor}","event":${body}}` };
  }
  return frameOf({ type: "gap", from: formatCursor(epoch, offset - 1), to: cursor });
}

/** Any other frame. */
export function frameOf(frame: Exclude<FirehoseFrame, { type: "event" }>): Frame {
  return { type: frame.type, cursor: cursorOf(frame), text: JSON.stringify(frame) };
}

function cursorOf(frame: Exclude<FirehoseFrame, { type: "event" }>): string {
  if (frame.type === "presence") return "";
  return frame.type === "gap" ? frame.to : frame.cursor ?? "";
}

/** Joins frames; what nobody asks for is not built. */
export function messagesOf(frames: readonly Frame[]): Messages {
  let wire: Uint8Array<ArrayBuffer> | undefined;
  let sse: Uint8Array<ArrayBuffer> | undefined;
  return {
    events: frames.filter(({ type }) => type === "event").length,
    gaps: frames.filter(({ type }) => type === "gap").length,
    get texts() {
      return frames.map(({ text }) => text);
    },
    wire: () => wire ??= joined(frames.map((frame) => frame.wire ??= wireOf(frame.text))),
    sse: () => sse ??= encoder.encode(frames.map(sseOf).join("")),
  };
}

/** A text frame of RFC 6455, final and unmasked. */
function wireOf(text: string): Uint8Array<ArrayBuffer> {
  const payload = encoder.encode(text);
  const { length } = payload;
  const headBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = new Uint8Array(headBytes + length);
  const view = new DataView(frame.buffer);
  frame[0] = 0x81;
  if (headBytes === 2) frame[1] = length;
  else if (headBytes === 4) {
    frame[1] = 126;
    view.setUint16(2, length);
  } else {
    frame[1] = 127;
    view.setBigUint64(2, BigInt(length));
  }
  frame.set(payload, headBytes);
  return frame;
}

function sseOf({ cursor, text }: Frame): string {
  // JSON has no line breaks, so one `data` line carries it.
  return cursor === "" ? `data: ${text}\n\n` : `id: ${cursor}\ndata: ${text}\n\n`;
}

function joined(parts: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

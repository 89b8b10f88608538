/**
 * Cuts a byte stream into lines.
 *
 * @module
 */
import { Buffer } from "node:buffer";

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** What a splitter is made of. */
export interface LineSplitterDeps {
  /** Longer lines are dropped, in bytes. */
  readonly maxBytes: number;
  /** Gets each line that is not blank, without its newline and one trailing carriage return. */
  readonly onLine: (line: string) => void;
  /** Hears of each dropped line as soon as it is too long: it may never end. */
  readonly onTooLong: () => void;
}

/** Takes bytes, gives lines. */
export interface LineSplitter {
  push(chunk: Buffer): void;
  /** The stream is over: what waits without a newline counts as a line. */
  end(): void;
}

/**
 * Builds a splitter. Only 0x0A ends a line, so a character cut in two by a chunk border is whole
 * again before it is decoded; bytes that are no UTF-8 become U+FFFD.
 */
export function createLineSplitter(
  { maxBytes, onLine, onTooLong }: LineSplitterDeps,
): LineSplitter {
  // One growing buffer, not a list of chunks: a child that writes single bytes would fill memory.
  let held = Buffer.alloc(0);
  let heldBytes = 0;
  /** Until the end of the line that is under way. */
  let dropping = false;

  function hold(chunk: Buffer): void {
    if (dropping) return;
    if (heldBytes + chunk.length > maxBytes) {
      dropping = true;
      heldBytes = 0;
      held = Buffer.alloc(0);
      onTooLong();
      return;
    }
    const needed = heldBytes + chunk.length;
    if (needed > held.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, held.length * 2));
      held.copy(grown, 0, 0, heldBytes);
      held = grown;
    }
    chunk.copy(held, heldBytes);
    heldBytes = needed;
  }

  function emit(line: string): void {
    const text = line.charCodeAt(line.length - 1) === CARRIAGE_RETURN ? line.slice(0, -1) : line;
    if (text.trim() !== "") onLine(text);
  }

  function endHeld(): void {
    const [bytes, length] = [held, heldBytes];
    heldBytes = 0;
    held = Buffer.alloc(0);
    if (dropping) dropping = false;
    else emit(bytes.toString("utf8", 0, length));
  }

  /** Decodes what lies between two newlines in one go: no chunk border cuts a character in it. */
  function emitAll(bytes: Buffer, start: number, end: number): void {
    const text = bytes.toString("utf8", start, end);
    let from = 0;
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", from)) {
      emit(text.slice(from, at));
      from = at + 1;
    }
    emit(text.slice(from));
  }

  /** The end of what is held, or a chunk that may hold a line over the limit. */
  function endOne(chunk: Buffer, start: number): number {
    const at = chunk.indexOf(NEWLINE, start);
    hold(chunk.subarray(start, at));
    endHeld();
    return at + 1;
  }

  return {
    push(chunk) {
      // Mostly it is the very last byte.
      const end = chunk.length - 1;
      const last = chunk[end] === NEWLINE ? end : chunk.lastIndexOf(NEWLINE);
      let start = 0;
      while (start <= last && (heldBytes > 0 || dropping || last - start > maxBytes)) {
        start = endOne(chunk, start);
      }
      if (start <= last) emitAll(chunk, start, last);
      if (last < end) hold(chunk.subarray(last + 1));
    },
    end() {
      if (heldBytes > 0) endHeld();
    },
  };
}

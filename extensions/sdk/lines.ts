/**
 * Frames in and out of a microapp, one per line.
 *
 * @module
 */
import { StringDecoder } from "node:string_decoder";
import { type RpcFrame, writeFrame } from "../../core/contract/mod.ts";

/** Gives `onLine` each line that is not blank. */
export function createLineReader(
  onLine: (line: string) => void,
): (chunk: Uint8Array | string) => void {
  const decoder = new StringDecoder("utf8");
  // Parts of a line that has not ended: joining them only once keeps long lines linear.
  let parts: string[] = [];
  return function read(chunk) {
    const text = typeof chunk === "string" ? chunk : decoder.write(chunk);
    if (!text.includes("\n")) {
      parts.push(text);
      return;
    }
    parts.push(text);
    const lines = parts.join("").split("\n");
    parts = [lines.pop() ?? ""];
    for (const line of lines) if (line.trim() !== "") onLine(line);
  };
}

/** Takes text on its way to core; `done` is called when it has left. */
export type Output = (text: string, done: () => void) => void;

/** Writes whole frames in order. */
export interface FrameWriter {
  send(frame: RpcFrame): void;
  /** Resolves when everything sent so far has left. */
  flushed(): Promise<void>;
}

/** Builds the one writer of `output`; frames of one turn of the event loop leave in one write. */
export function createFrameWriter(output: Output): FrameWriter {
  let waiting = "";
  let last: Promise<void> = Promise.resolve();
  function flush(): void {
    const text = waiting;
    waiting = "";
    last = new Promise((resolve) => output(text, resolve));
  }
  return {
    send(frame) {
      if (waiting === "") queueMicrotask(flush);
      waiting += writeFrame(frame);
    },
    async flushed() {
      await Promise.resolve();
      await last;
    },
  };
}

/**
 * When what a child writes is read.
 *
 * @module
 */
import type { Readable } from "node:stream";

/** Why a child's output may not be read for now. */
export type ReadStop = "requests" | "unread" | "flood";

/** Stops and continues a stream for several reasons at once. */
export interface ReadGate extends Disposable {
  close(reason: ReadStop): void;
  open(reason: ReadStop): void;
  /** Slows a flood at its source: the child blocks on its full pipe while others are served. */
  pauseFor(ms: number): void;
}

/** Returns a gate that is open; disposing reads on, so that the stream can reach its end. */
export function createReadGate(input: Readable): ReadGate {
  const reasons = new Set<ReadStop>();
  let timer: NodeJS.Timeout | undefined;
  function close(reason: ReadStop): void {
    reasons.add(reason);
    input.pause();
  }
  function open(reason: ReadStop): void {
    if (reasons.delete(reason) && reasons.size === 0) input.resume();
  }
  return {
    close,
    open,
    pauseFor(ms) {
      if (reasons.has("flood")) return;
      close("flood");
      timer = setTimeout(() => open("flood"), ms);
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      reasons.clear();
      input.resume();
    },
  };
}

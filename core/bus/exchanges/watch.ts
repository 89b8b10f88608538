/**
 * What passes through one end of an exchange, for those who count.
 *
 * @module
 */
import { codeOf, type ErrorCode } from "../../contract/mod.ts";
import { SECONDS } from "../../flow/meter.ts";
import type { ExchangeEnd } from "./end.ts";

/** Bounds for how long exchanges last, in seconds: of answers, and of what stays open, such as streams. */
export const EXCHANGE_SECONDS: readonly number[] = [...SECONDS, 60, 300, 1_800, 7_200];

/** Hears of an exchange. */
export interface ExchangeWatch {
  /** Bytes of bodies and messages that went to the other end, or came from there and were taken. */
  readonly onBytes: (way: "out" | "in", count: number) => void;
  /** Called once: both directions have ended, or it was cancelled or lost with `code`. */
  readonly onOver: (code: ErrorCode | undefined) => void;
}

/** The same end, watched. */
export function watchExchange(end: ExchangeEnd, { onBytes, onOver }: ExchangeWatch): ExchangeEnd {
  let open: "both" | "one" | "none" = "both";

  function over(code: ErrorCode | undefined): void {
    if (open === "none") return;
    open = "none";
    onOver(code);
  }

  function ended(): void {
    if (open === "both") open = "one";
    else over(undefined);
  }

  let saidEnd = false;
  const onAbort = (): void => over(codeOf(end.signal.reason));
  end.signal.addEventListener("abort", onAbort, { once: true });
  if (end.signal.aborted) onAbort();
  return {
    signal: end.signal,
    sendHead: end.sendHead,
    cancel: end.cancel,
    async write(bytes, kind) {
      await end.write(bytes, kind);
      onBytes("out", bytes.length);
    },
    end(close) {
      end.end(close);
      if (!saidEnd) ended();
      saidEnd = true;
    },
    async next() {
      const frame = await end.next();
      if (frame.kind === "data") onBytes("in", frame.bytes.length);
      else if (frame.kind === "end") ended();
      return frame;
    },
  };
}

/**
 * Keeps a number of calls under way for a time.
 *
 * @module
 */
import { onQuestion } from "./talk.ts";

/** How to call. */
export interface CallJob {
  readonly durationMs: number;
  readonly inFlight: number;
  /** Calls at most. */
  readonly maxCalls: number;
}

/** What it came to. */
export interface CallReport {
  readonly calls: number;
  readonly seconds: number;
  /** How long a call took, in milliseconds, half of them less; absent where many are made as one. */
  readonly medianMs?: number;
}

/** What each call carries there and back: about 500 bytes, as a tool's arguments often are. */
export const CALL_TEXT = "a note that somebody wrote down ".repeat(15);

/** Answers the bench by calling; `call` gets a number that is never used twice. */
export function serveCallJobs(call: (number: number) => Promise<void>): void {
  let last = 0;
  onQuestion<CallJob>(async ({ durationMs, inFlight, maxCalls }) => {
    const first = last;
    const startedAtMs = performance.now();
    const endsAtMs = startedAtMs + durationMs;
    const tookMs: number[] = [];
    const caller = async (): Promise<void> => {
      let nowMs = performance.now();
      while (nowMs < endsAtMs && last - first < maxCalls) {
        await call(++last);
        const endedAtMs = performance.now();
        tookMs.push(endedAtMs - nowMs);
        nowMs = endedAtMs;
      }
    };
    await Promise.all(Array.from({ length: inFlight }, caller));
    const report: CallReport = {
      calls: last - first,
      seconds: (performance.now() - startedAtMs) / 1000,
      medianMs: tookMs.sort((a, b) => a - b)[tookMs.length >> 1] ?? 0,
    };
    return report;
  });
}

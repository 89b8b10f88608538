/**
 * How late this process's event loop is, answered to the bench; run by itself, it is an idle one.
 *
 * @module
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { onQuestion } from "./talk.ts";

/** `begin` forgets what was, `end` tells what has been since. */
export type LoopQuestion = "begin" | "end";

/** How late the loop was. */
export interface LoopReport {
  /** Beyond the timer's own period. */
  readonly p99Ms: number;
}

/** The period of the timer that finds out, in milliseconds. */
const PERIOD_MS = 10;

/** Answers {@linkcode LoopQuestion}s from now on. */
export function answerLoopDelay(): void {
  const delays = monitorEventLoopDelay({ resolution: PERIOD_MS });
  onQuestion<{ readonly loop: LoopQuestion }>(({ loop }) => {
    if (loop === "begin") {
      delays.enable();
      delays.reset();
      return Promise.resolve({});
    }
    const report: LoopReport = {
      p99Ms: Math.max(0, delays.percentile(99) / 1e6 - PERIOD_MS),
    };
    return Promise.resolve(report);
  });
}

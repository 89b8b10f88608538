/**
 * A process that calls a child of its own over stdio.
 *
 * @module
 */
import { startPart, withCpu } from "./part.ts";
import type { Side, Workshop } from "./row.ts";
import type { CallJob, CallReport } from "./servers/call_loop.ts";

/** What is measured, and with how many calls under way. */
const MEASURES = {
  "per CPU-second": 64,
  "milliseconds for one": 1,
} as const;
/** A bound for each round, far above what any pair here reaches. */
const MAX_CALLS = 2_000_000;
const ANSWER_LIMIT_MS = 60_000;

/** Starts the calling process, which starts the other; both count. `caller` is its source, as a URL. */
export async function openCallSide(
  workshop: Workshop,
  { caller, measure = "per CPU-second", ...started }: {
    caller: string;
    args?: readonly string[];
    /** Options of Node. */
    execArgv?: readonly string[];
    measure?: keyof typeof MEASURES;
  },
): Promise<Side> {
  const pair = await startPart(workshop.compiled(caller), started);
  return {
    async round(durationMs) {
      const job: CallJob = { durationMs, inFlight: MEASURES[measure], maxCalls: MAX_CALLS };
      const { result, cpuSeconds, wallSeconds } = await withCpu(
        { pair },
        () => pair.ask<CallReport>(job, durationMs + ANSWER_LIMIT_MS),
      );
      const { pair: seconds = 0 } = cpuSeconds;
      return {
        value: measure === "per CPU-second"
          ? result.calls / seconds
          : result.medianMs ?? Number.NaN,
        cores: { pair: seconds / wallSeconds },
      };
    },
    [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
  };
}

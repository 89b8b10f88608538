/**
 * A process that calls a child of its own over stdio.
 *
 * @module
 */
import { startPart, withCpu } from "./part.ts";
import type { Side, Workshop } from "./row.ts";
import type { CallJob, CallReport } from "./servers/call_loop.ts";

const IN_FLIGHT = 64;
/** A bound for each round, far above what any pair here reaches. */
const MAX_CALLS = 2_000_000;
const ANSWER_LIMIT_MS = 60_000;

/** Starts the calling process, which starts the other; both count. `caller` is its source, as a URL. */
export async function openCallSide(
  workshop: Workshop,
  { caller, args }: { caller: string; args?: readonly string[] },
): Promise<Side> {
  const pair = await startPart(workshop.compiled(caller), args === undefined ? {} : { args });
  return {
    async round(durationMs) {
      const job: CallJob = { durationMs, inFlight: IN_FLIGHT, maxCalls: MAX_CALLS };
      const { result, cpuSeconds, wallSeconds } = await withCpu(
        { pair },
        () => pair.ask<CallReport>(job, durationMs + ANSWER_LIMIT_MS),
      );
      const { pair: seconds = 0 } = cpuSeconds;
      return { value: result.calls / seconds, cores: { pair: seconds / wallSeconds } };
    },
    [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
  };
}

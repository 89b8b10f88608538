/**
 * How late core's event loop is while more webhooks come than it can take, against an idle one and 10 ms.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { loadHttp } from "../http_side.ts";
import { type Part, startPart, withCpu } from "../part.ts";
import type { Row, Side, Workshop } from "../row.ts";
import type { LoopQuestion, LoopReport } from "../servers/loop_delay.ts";
import { startSplit } from "../split_side.ts";

const ANSWER_LIMIT_MS = 30_000;
/** What a loop may be late while core works, in milliseconds. */
const ALLOWANCE_MS = 10;

/** How late a process's loop is while `work` goes on. */
async function lateness(part: Part<unknown>, work: () => Promise<unknown>): Promise<number> {
  const ask = <A>(loop: LoopQuestion): Promise<A> => part.ask<A>({ loop }, ANSWER_LIMIT_MS);
  await ask("begin");
  await work();
  return (await ask<LoopReport>("end")).p99Ms;
}

async function openCore(workshop: Workshop): Promise<Side> {
  const split = await startSplit(workshop, { runtime: "node", jetStream: false });
  const load = await loadHttp(workshop, split, "per second");
  return {
    async round(durationMs) {
      let cores: Readonly<Record<string, number>> = {};
      const value = await lateness(split.core, async () => {
        ({ cores } = await load.round(durationMs));
      });
      return { value, cores };
    },
    [Symbol.asyncDispose]: () => load[Symbol.asyncDispose](),
  };
}

async function openIdle(workshop: Workshop): Promise<Side> {
  const idle = await startPart(workshop.compiled(import.meta.resolve("../servers/idle.ts")));
  return {
    async round(durationMs) {
      const { result, cpuSeconds, wallSeconds } = await withCpu(
        { idle },
        () => lateness(idle, () => sleep(durationMs)),
      );
      const { idle: seconds = 0 } = cpuSeconds;
      return { value: result + ALLOWANCE_MS, cores: { idle: seconds / wallSeconds } };
    },
    [Symbol.asyncDispose]: () => idle[Symbol.asyncDispose](),
  };
}

export const loop: Row = {
  name: "loop",
  unit: "milliseconds at p99 that the loop is late",
  target: { atMost: 2 },
  quick: false,
  ours: openCore,
  theirs: openIdle,
};

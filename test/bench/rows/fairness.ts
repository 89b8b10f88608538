/**
 * What a tenant who floods costs the others, who write once a second.
 *
 * @module
 */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { CORE_OPTIONS } from "../core_options.ts";
import { startPart, withCpu } from "../part.ts";
import type { Row, Side, Workshop } from "../row.ts";
import type { FairJob, FairReport } from "../servers/fair_turns.ts";

/** Before the first round ten thousand messages come in. */
const FILL_LIMIT_MS = 1_800_000;
const ANSWER_LIMIT_MS = 300_000;
/** How much longer its rounds are: a p99 is one of more than a hundred messages. */
const LONGER = 3;

async function openFair(workshop: Workshop, flooding: boolean): Promise<Side> {
  const core = await startPart(
    workshop.compiled(import.meta.resolve("../servers/fair_turns.ts")),
    {
      execArgv: CORE_OPTIONS,
      args: [
        await mkdtemp(join(workshop.dir, "fair-")),
        workshop.migrationsDir,
        flooding ? "flooding" : "quiet",
      ],
    },
  );
  const ask = <A>(job: FairJob, limitMs: number): Promise<A> => core.ask<A>(job, limitMs);
  await ask({ do: "fill" }, FILL_LIMIT_MS);
  return {
    async round(roundMs) {
      const durationMs = LONGER * roundMs;
      const { result, cpuSeconds, wallSeconds } = await withCpu(
        { core },
        () => ask<FairReport>({ do: "measure", durationMs }, durationMs + ANSWER_LIMIT_MS),
      );
      const { core: seconds = 0 } = cpuSeconds;
      return { value: result.p99Ms, cores: { core: seconds / wallSeconds } };
    },
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
  };
}

export const fairness: Row = {
  name: "fairness",
  unit: "milliseconds at p99 from message to answer",
  // A turn's length, undisturbed; two more of them are the most that a flood may add.
  target: { atMost: 3 },
  quick: false,
  ours: (workshop) => openFair(workshop, true),
  theirs: (workshop) => openFair(workshop, false),
};

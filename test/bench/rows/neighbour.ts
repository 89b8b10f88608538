/**
 * What a microapp that is killed, hangs and floods costs the calls of another.
 *
 * @module
 */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { startPart, withCpu } from "../part.ts";
import type { Row, Side, Workshop } from "../row.ts";
import type { NeighbourJob, NeighbourReport } from "../servers/neighbour_calls.ts";

const ANSWER_LIMIT_MS = 60_000;

/** One host with a quiet microapp and one that misbehaves on command; each round says whether it may. */
async function openNeighbour(workshop: Workshop, disturbed: boolean): Promise<Side> {
  const core = await startPart(
    workshop.compiled(import.meta.resolve("../servers/neighbour_calls.ts")),
    {
      args: [
        await mkdtemp(join(workshop.dir, "neighbour-")),
        workshop.compiled(import.meta.resolve("../servers/echo_microapp.ts")),
        workshop.compiled(import.meta.resolve("../servers/bad_neighbour.ts")),
      ],
    },
  );
  return {
    async round(durationMs) {
      const job: NeighbourJob = { durationMs, disturbed };
      const { result, cpuSeconds, wallSeconds } = await withCpu(
        { core },
        () => core.ask<NeighbourReport>(job, durationMs + ANSWER_LIMIT_MS),
      );
      const { core: seconds = 0 } = cpuSeconds;
      return { value: result.p99Ms, cores: { core: seconds / wallSeconds } };
    },
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
  };
}

export const neighbour: Row = {
  name: "neighbour",
  unit: "milliseconds at p99 of a call",
  target: { atMost: 1.5 },
  quick: false,
  ours: (workshop) => openNeighbour(workshop, true),
  theirs: (workshop) => openNeighbour(workshop, false),
};

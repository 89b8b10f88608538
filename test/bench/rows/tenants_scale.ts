/**
 * Turns of very many tenants, each with an agent of its own, against those of a few.
 *
 * @module
 */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { openCallSide } from "../call_side.ts";
import { CORE_OPTIONS } from "../core_options.ts";
import type { Row, Side, Workshop } from "../row.ts";

async function openTurns(workshop: Workshop, tenants: number): Promise<Side> {
  return openCallSide(workshop, {
    caller: import.meta.resolve("../servers/turns.ts"),
    args: [await mkdtemp(join(workshop.dir, "turns-")), workshop.migrationsDir, String(tenants)],
    execArgv: CORE_OPTIONS,
  });
}

export const tenantsScale: Row = {
  name: "tenants-scale",
  unit: "turns per CPU-second",
  target: { atLeast: 0.8 },
  quick: false,
  ours: (workshop) => openTurns(workshop, 10_000),
  theirs: (workshop) => openTurns(workshop, 10),
};

/**
 * Whole turns, against a loop that only writes the rows they leave.
 *
 * @module
 */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { openCallSide } from "../call_side.ts";
import { CORE_OPTIONS } from "../core_options.ts";
import type { Row } from "../row.ts";

const TENANTS = 10;

export const turn: Row = {
  name: "turn",
  unit: "turns per CPU-second",
  target: { atLeast: 0.4 },
  quick: false,
  ours: async (workshop) =>
    openCallSide(workshop, {
      caller: import.meta.resolve("../servers/turns.ts"),
      args: [await mkdtemp(join(workshop.dir, "turns-")), workshop.migrationsDir, String(TENANTS)],
      execArgv: CORE_OPTIONS,
    }),
  theirs: async (workshop) =>
    openCallSide(workshop, {
      caller: import.meta.resolve("../servers/bare_rows.ts"),
      args: [await mkdtemp(join(workshop.dir, "rows-")), workshop.migrationsDir],
      execArgv: CORE_OPTIONS,
    }),
};

/**
 * Limits that a crash does not fill, against limits that are memory only.
 *
 * @module
 */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { openCallSide } from "../call_side.ts";
import type { Row } from "../row.ts";

export const limiter: Row = {
  name: "limiter",
  unit: "checks per CPU-second",
  target: { atLeast: 1 },
  quick: false,
  ours: async (workshop) =>
    openCallSide(workshop, {
      caller: import.meta.resolve("../servers/limiter.ts"),
      args: [await mkdtemp(join(workshop.dir, "limits-")), workshop.migrationsDir],
    }),
  theirs: (workshop) =>
    openCallSide(workshop, { caller: import.meta.resolve("../servers/memory_limiter.ts") }),
};

/**
 * What edge and core hold while 100 MiB pass up and down through `/apps` in one body each, Deno edge.
 *
 * @module
 */
import { openAppsSide } from "../apps_side.ts";
import type { Row } from "../row.ts";

export const appsMemoryDeno: Row = {
  name: "apps-memory-deno",
  unit: "MB at most, edge and core",
  target: { atMost: 1.15 },
  quick: false,
  ours: (workshop) => openAppsSide(workshop, { runtime: "deno", bodyMiB: 100 }),
  // As many bytes, so that only the size of a body differs.
  theirs: (workshop) => openAppsSide(workshop, { runtime: "deno", bodyMiB: 1 }),
};

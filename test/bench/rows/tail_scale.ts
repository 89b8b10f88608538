/**
 * What one tenant's tail of the turn log costs among five million turns, against ten thousand.
 *
 * @module
 */
import { openRecordSide } from "../record_side.ts";
import type { Row } from "../row.ts";

const PER_TENANT = { what: "turns", rowsPerTenant: 5_000 } as const;

export const tailScale: Row = {
  name: "tail-scale",
  unit: "milliseconds at p99 of a tail",
  target: { atMost: 2 },
  quick: false,
  ours: (workshop) => openRecordSide(workshop, { ...PER_TENANT, rows: 5_000_000 * workshop.scale }),
  theirs: (workshop) => openRecordSide(workshop, { ...PER_TENANT, rows: 10_000 }),
};

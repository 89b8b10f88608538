/**
 * What one tenant's search costs among a million entries of transcripts, against ten thousand.
 *
 * @module
 */
import { openRecordSide } from "../record_side.ts";
import type { Row } from "../row.ts";

const PER_TENANT = { what: "transcripts", rowsPerTenant: 1_000 } as const;

export const searchScale: Row = {
  name: "search-scale",
  unit: "milliseconds at p99 of a search",
  target: { atMost: 4 },
  quick: false,
  ours: (workshop) => openRecordSide(workshop, { ...PER_TENANT, rows: 1_000_000 * workshop.scale }),
  theirs: (workshop) => openRecordSide(workshop, { ...PER_TENANT, rows: 10_000 }),
};

/**
 * What it costs to keep a webhook where core and edge are apart: against the same edge alone.
 *
 * @module
 */
import type { Row } from "../row.ts";
import { openSplitSide } from "../split_side.ts";
import { openVerifyingSide } from "../verifying_side.ts";

export const ingestSplit: Row = {
  name: "ingest-split",
  unit: "requests per second",
  target: { atLeast: 0.6 },
  quick: false,
  ours: (workshop) =>
    openSplitSide(workshop, { runtime: "node", jetStream: false, measure: "per second" }),
  theirs: (workshop) => openVerifyingSide(workshop, "per second"),
};

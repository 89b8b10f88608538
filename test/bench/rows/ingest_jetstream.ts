/**
 * What it costs to keep a webhook in JetStream before core has it: against the same edge alone.
 *
 * @module
 */
import type { Row } from "../row.ts";
import { openSplitSide } from "../split_side.ts";
import { openVerifyingSide } from "../verifying_side.ts";

export const ingestJetstream: Row = {
  name: "ingest-jetstream",
  unit: "requests per second",
  target: { atLeast: 0.45 },
  quick: false,
  ours: (workshop) =>
    openSplitSide(workshop, { runtime: "node", jetStream: true, measure: "per second" }),
  theirs: (workshop) => openVerifyingSide(workshop, "per second"),
};

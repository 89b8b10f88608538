/**
 * What it costs to keep a webhook that came through an edge on Deno: against that edge alone.
 *
 * @module
 */
import type { Row } from "../row.ts";
import { openDenoVerifyingSide, openSplitSide } from "../split_side.ts";

export const ingestDeno: Row = {
  name: "ingest-deno",
  unit: "requests per second",
  target: { atLeast: 0.6 },
  quick: false,
  ours: (workshop) =>
    openSplitSide(workshop, { runtime: "deno", jetStream: false, measure: "per second" }),
  theirs: (workshop) => openDenoVerifyingSide(workshop, "per second"),
};

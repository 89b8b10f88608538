/**
 * How long one webhook at a time takes through an edge on Deno, against one on Node: load would hide a
 * client socket that holds small messages back.
 *
 * @module
 */
import type { Row } from "../row.ts";
import { openSplitSide } from "../split_side.ts";

export const ingestIdle: Row = {
  name: "ingest-idle",
  unit: "ms for one webhook",
  target: { atMost: 2 },
  quick: true,
  ours: (workshop) =>
    openSplitSide(workshop, { runtime: "deno", jetStream: false, measure: "milliseconds for one" }),
  theirs: (workshop) =>
    openSplitSide(workshop, { runtime: "node", jetStream: false, measure: "milliseconds for one" }),
};

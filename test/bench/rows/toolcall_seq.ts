/**
 * How long one call takes through the whole gate when nothing else is under way.
 *
 * @module
 */
import { openByHand, openGate } from "../gate_side.ts";
import type { Row } from "../row.ts";

export const toolcallSeq: Row = {
  name: "toolcall-seq",
  unit: "milliseconds for a call",
  target: { atMost: 1.4 },
  quick: false,
  ours: (workshop) => openGate(workshop, "milliseconds for one"),
  theirs: (workshop) => openByHand(workshop, "milliseconds for one"),
};

/**
 * What the gate, the host and their messages cost beside a call, against a pair written by hand.
 *
 * @module
 */
import { openByHand, openGate } from "../gate_side.ts";
import type { Row } from "../row.ts";

export const toolcallGate: Row = {
  name: "toolcall-gate",
  unit: "calls per CPU-second",
  target: { atLeast: 0.5 },
  quick: false,
  ours: (workshop) => openGate(workshop, "per CPU-second"),
  theirs: (workshop) => openByHand(workshop, "per CPU-second"),
};

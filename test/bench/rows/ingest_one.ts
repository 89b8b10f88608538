/**
 * What it costs to keep a webhook: the whole program against its own edge alone.
 *
 * @module
 */
import { openDaemonSide } from "../daemon_side.ts";
import type { Row } from "../row.ts";
import { openVerifyingSide } from "../verifying_side.ts";

export const ingestOne: Row = {
  name: "ingest-one",
  unit: "requests per second",
  target: { atLeast: 0.7 },
  quick: true,
  ours: (workshop) => openDaemonSide(workshop, "per second"),
  theirs: (workshop) => openVerifyingSide(workshop, "per second"),
};

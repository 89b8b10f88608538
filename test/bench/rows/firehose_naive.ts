/**
 * What it costs to tell a thousand clients, against one send for each of them.
 *
 * @module
 */
import { openFanOutSide, openFirehoseSide } from "../firehose_side.ts";
import type { Row } from "../row.ts";

export const firehoseNaive: Row = {
  name: "firehose-naive",
  unit: "deliveries per CPU-second",
  target: { atLeast: 8 },
  quick: true,
  ours: (workshop) => openFirehoseSide(workshop, "deliveries per CPU-second"),
  theirs: (workshop) =>
    openFanOutSide(workshop, {
      server: import.meta.resolve("../servers/bare_ws.ts"),
      measure: "deliveries per CPU-second",
    }),
};

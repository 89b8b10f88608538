/**
 * What it costs to tell a thousand clients, against socket.io's broadcast.
 *
 * @module
 */
import { openFanOutSide, openFirehoseSide } from "../firehose_side.ts";
import type { Row } from "../row.ts";

export const firehoseSocketio: Row = {
  name: "firehose-socketio",
  unit: "deliveries per CPU-second",
  target: { atLeast: 10 },
  quick: false,
  ours: (workshop) => openFirehoseSide(workshop, "deliveries per CPU-second"),
  theirs: (workshop) =>
    openFanOutSide(workshop, {
      server: import.meta.resolve("../servers/socketio.ts"),
      measure: "deliveries per CPU-second",
    }),
};

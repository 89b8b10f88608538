/**
 * What ten thousand clients with a token weigh while nothing happens, against `ws` and nobody asked.
 *
 * @module
 */
import { openFanOutSide, openFirehoseSide } from "../firehose_side.ts";
import type { Row } from "../row.ts";

export const firehoseMemory: Row = {
  name: "firehose-memory",
  unit: "bytes per idle client",
  target: { atMost: 1.5 },
  quick: false,
  ours: (workshop) => openFirehoseSide(workshop, "bytes per idle client"),
  theirs: (workshop) =>
    openFanOutSide(workshop, {
      server: import.meta.resolve("../servers/bare_ws.ts"),
      measure: "bytes per idle client",
    }),
};

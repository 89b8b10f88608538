/**
 * The whole program against the receiver most teams would write first.
 *
 * @module
 */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { openDaemonSide } from "../daemon_side.ts";
import { openHttpSide } from "../http_side.ts";
import type { Row } from "../row.ts";
import { WEBHOOK_ENV } from "../webhook.ts";

export const ingestAfternoon: Row = {
  name: "ingest-afternoon",
  unit: "requests per CPU-second",
  target: { atLeast: 2 },
  quick: false,
  ours: (workshop) => openDaemonSide(workshop, "per CPU-second"),
  theirs: async (workshop) =>
    openHttpSide(workshop, {
      server: import.meta.resolve("../servers/afternoon.ts"),
      args: [await mkdtemp(join(workshop.dir, "afternoon-"))],
      env: WEBHOOK_ENV,
      measure: "per CPU-second",
    }),
};

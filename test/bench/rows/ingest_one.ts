/**
 * What it costs to keep a webhook: the whole program against its own edge alone.
 *
 * @module
 */
import { openDaemonSide } from "../daemon_side.ts";
import { openHttpSide } from "../http_side.ts";
import type { Row } from "../row.ts";
import { makeConfig, WEBHOOK_ENV } from "../webhook.ts";

export const ingestOne: Row = {
  name: "ingest-one",
  unit: "requests per second",
  target: { atLeast: 0.7 },
  quick: true,
  ours: (workshop) => openDaemonSide(workshop, "per second"),
  async theirs(workshop) {
    const { configDir } = await makeConfig(workshop.dir);
    return openHttpSide(workshop, {
      server: import.meta.resolve("../servers/verifying_edge.ts"),
      args: [configDir],
      env: WEBHOOK_ENV,
      rate: "per second",
    });
  },
};

/**
 * What our gates cost beside the HMAC that nobody can do without.
 *
 * @module
 */
import { openHttpSide } from "../http_side.ts";
import type { Row } from "../row.ts";
import { makeConfig, WEBHOOK_ENV } from "../webhook.ts";

export const verify: Row = {
  name: "verify",
  unit: "requests per CPU-second",
  target: { atLeast: 0.55 },
  quick: true,
  async ours(workshop) {
    const { configDir } = await makeConfig(workshop.dir);
    return openHttpSide(workshop, {
      server: import.meta.resolve("../servers/verifying_edge.ts"),
      args: [configDir],
      env: WEBHOOK_ENV,
      rate: "per CPU-second",
    });
  },
  theirs: (workshop) =>
    openHttpSide(workshop, {
      server: import.meta.resolve("../servers/bare_http.ts"),
      env: WEBHOOK_ENV,
      rate: "per CPU-second",
    }),
};

/**
 * Our edge on Node with nobody behind it, under a stream of webhooks.
 *
 * @module
 */
import { type Measure, openHttpSide } from "./http_side.ts";
import type { Side, Workshop } from "./row.ts";
import { makeConfig, WEBHOOK_ENV } from "./webhook.ts";

/** Starts it with every gate on. */
export async function openVerifyingSide(workshop: Workshop, measure: Measure): Promise<Side> {
  const { configDir } = await makeConfig(workshop.dir);
  return openHttpSide(workshop, {
    server: import.meta.resolve("./servers/verifying_edge.ts"),
    args: [configDir],
    env: WEBHOOK_ENV,
    measure,
  });
}

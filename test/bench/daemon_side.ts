/**
 * Core and edge in one process, under a stream of webhooks.
 *
 * @module
 */
import { type Measure, openHttpSide } from "./http_side.ts";
import type { Side, Workshop } from "./row.ts";
import { makeConfig, WEBHOOK_ENV } from "./webhook.ts";

/** Starts it in a home of its own. No subscriber listens, so accepting is all that happens. */
export async function openDaemonSide(workshop: Workshop, measure: Measure): Promise<Side> {
  const { configDir, home } = await makeConfig(workshop.dir);
  return openHttpSide(workshop, {
    server: import.meta.resolve("./servers/daemon.ts"),
    args: [configDir, workshop.migrationsDir],
    env: { ...WEBHOOK_ENV, NEXO_HOME: home },
    measure,
  });
}

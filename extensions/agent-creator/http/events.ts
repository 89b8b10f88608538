/**
 * What happens to a tenant, as it happens, for pages that are open.
 *
 * @module
 */
import type { AppContext } from "nexo-microapps/sdk";
import { createEventLog, type EventLog, Hono, type HttpKit } from "nexo-microapps/sdk/http";
import { accountOf, type SignedIn } from "./session.ts";

/** Keeps what core tells until the microapp stops. A browser that was away hears the rest. */
export function followEvents({ events, log }: Pick<AppContext, "events" | "log">): EventLog {
  const kept = createEventLog();
  async function follow(): Promise<void> {
    for await (const event of events()) {
      const { kind, tenant_id: account } = event;
      if (typeof account === "string") kept.publish({ event: kind, data: event, account });
    }
  }
  follow().catch((error: unknown) => log.error("events.ended", { error: String(error) }));
  return kept;
}

/** Returns the route below a tenant. */
export function eventRoutes(kit: Pick<HttpKit, "events">, kept: EventLog): Hono<SignedIn> {
  const routes = new Hono<SignedIn>();
  routes.get("/events", (c) => {
    const account = accountOf(c);
    return kit.events(c, kept, { filter: (event) => event.account === account });
  });
  return routes;
}

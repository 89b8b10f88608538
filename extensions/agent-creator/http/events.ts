/**
 * What happens to a tenant, as it happens, for pages that are open.
 *
 * @module
 */
import { type AppContext, z } from "nexo-microapps/sdk";
import { createEventLog, type EventLog, Hono, type HttpKit } from "nexo-microapps/sdk/http";
import { createPresence } from "./presence.ts";
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

/** The conversation a page shows. */
const Watching = z.object({ conversation: z.uuid().optional().catch(undefined) });

/** Returns the routes below a tenant: the stream, and who has which conversation open. */
export function eventRoutes(kit: Pick<HttpKit, "events">, kept: EventLog): Hono<SignedIn> {
  const presence = createPresence((account) =>
    void kept.publish({ event: "presence", data: {}, account })
  );
  const routes = new Hono<SignedIn>();
  routes.get("/events", (c) => {
    const account = accountOf(c);
    const { conversation } = Watching.parse(c.req.query());
    let watching: Disposable | undefined;
    const answer = kit.events(c, kept, {
      filter: (event) => event.account === account,
      onEnd: () => watching?.[Symbol.dispose](),
    });
    if (conversation !== undefined) watching = presence.enter(account, conversation, c.get("user"));
    return answer;
  });
  routes.get("/presence", (c) => c.json({ here: presence.of(accountOf(c)) }));
  return routes;
}

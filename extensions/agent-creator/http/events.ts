/**
 * What happens to a tenant, as it happens, for a page that is open.
 *
 * @module
 */
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import type { Product } from "../product.ts";
import { accountOf, type SignedIn } from "./session.ts";

/** Tells proxies and the page that the connection lives, in milliseconds. */
const ALIVE_MS = 15_000;

/** Returns the routes below a tenant. */
export function eventRoutes({ app }: Product) {
  const routes = new Hono<SignedIn>();
  routes.get("/events", (c) => {
    const accountId = accountOf(c);
    return streamSSE(c, async (stream) => {
      const over = new AbortController();
      stream.onAbort(() => over.abort());
      const alive = setInterval(() => void stream.writeSSE({ event: "alive", data: "" }), ALIVE_MS);
      try {
        await stream.writeSSE({ event: "ready", data: "" });
        for await (const event of app.events({ accountId, signal: over.signal })) {
          await stream.writeSSE({ event: event.kind, data: JSON.stringify(event) });
        }
      } finally {
        clearInterval(alive);
      }
    });
  });
  return routes;
}

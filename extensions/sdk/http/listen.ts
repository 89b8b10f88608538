/**
 * Listening, on Node and on Deno.
 *
 * @module
 */
import { setTimeout } from "node:timers";
import type { WebSocketServerLike } from "@hono/node-server";
import type { Hono } from "hono";

/** A server that listens. */
export interface Listening extends AsyncDisposable {
  readonly port: number;
}

/** What is used of Deno. */
interface DenoRuntime {
  serve(
    options: { port: number; hostname: string; onListen: () => void },
    handler: (request: Request, info: unknown) => Response | Promise<Response>,
  ): { readonly addr: { readonly port: number }; shutdown(): Promise<void> };
}

/** How long answers under way may take when the microapp stops, in milliseconds. */
const DRAIN_MS = 1_000;

/**
 * Serves `app`; disposing stops accepting and ends what is still under way after a moment.
 *
 * @throws when the address is taken
 */
export function listen(
  app: Hono,
  place: { readonly hostname: string; readonly port: number },
): Promise<Listening> {
  const { Deno } = globalThis as { readonly Deno?: DenoRuntime };
  return Deno === undefined
    ? listenOnNode(app, place)
    : Promise.resolve(listenOnDeno(Deno, app, place));
}

function listenOnDeno(
  deno: DenoRuntime,
  app: Hono,
  place: { readonly hostname: string; readonly port: number },
): Listening {
  const server = deno.serve(
    { ...place, onListen: () => undefined },
    (request, info) => app.fetch(request, info),
  );
  return {
    port: server.addr.port,
    async [Symbol.asyncDispose]() {
      await Promise.race([server.shutdown(), delay(DRAIN_MS)]);
    },
  };
}

async function listenOnNode(
  app: Hono,
  { hostname, port }: { readonly hostname: string; readonly port: number },
): Promise<Listening> {
  const { serve } = await import("@hono/node-server");
  const { WebSocketServer } = await import("ws");
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  return new Promise((resolve, reject) => {
    const server = serve({
      fetch: app.fetch,
      hostname,
      port,
      websocket: { server: sockets as WebSocketServerLike },
    }, (address) => {
      server.off("error", reject);
      resolve({
        port: address.port,
        async [Symbol.asyncDispose]() {
          const closed = new Promise<void>((done) => server.close(() => done()));
          if ("closeIdleConnections" in server) server.closeIdleConnections();
          await Promise.race([closed, delay(DRAIN_MS)]);
          if ("closeAllConnections" in server) server.closeAllConnections();
        },
      });
    });
    server.on("error", reject);
  });
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}

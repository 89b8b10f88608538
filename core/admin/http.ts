/**
 * Core's own loopback address: health, metrics, and the admin RPC for the command line.
 *
 * @module
 */
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { AddressInfo } from "node:net";
import type { Readiness } from "../contract/mod.ts";
import { KEEP_ALIVE_MS } from "../flow/keep_alive.ts";
import type { Dispatch } from "./dispatcher.ts";
import type { Caller } from "./method.ts";
import { answerRpc } from "./rpc_body.ts";

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** What the address needs. */
export interface AdminHttpDeps {
  readonly dispatch: Dispatch;
  /** The operator behind a bearer token, or undefined. */
  readonly operatorOf: (token: string) => Promise<Caller | undefined>;
  readonly readiness: () => Promise<Readiness>;
  /** Prometheus text. */
  readonly metrics: () => Promise<string>;
}

/** Listens on a free loopback port. */
export async function openAdminHttp(
  deps: AdminHttpDeps,
): Promise<AsyncDisposable & { readonly url: string }> {
  const app = new Hono();
  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.get("/readyz", async (c) => {
    const readiness = await deps.readiness();
    return c.json(readiness, readiness.ready ? 200 : 503);
  });
  app.get(
    "/metrics",
    async (c) => c.body(await deps.metrics(), 200, { "content-type": METRICS_TYPE }),
  );
  app.post("/rpc", bodyLimit({ maxSize: MAX_BODY_BYTES }), async (c) => {
    const token = /^Bearer (.+)$/.exec(c.req.header("authorization") ?? "")?.[1];
    const caller = token === undefined ? undefined : await deps.operatorOf(token);
    if (caller === undefined) {
      return c.json(
        { error: { code: "token_invalid", message: "An operator token is required" } },
        401,
      );
    }
    const answer = await answerRpc(await c.req.text(), caller, {
      dispatch: deps.dispatch,
      signal: c.req.raw.signal,
    });
    return c.body(answer, 200, { "content-type": "application/json" });
  });

  const { server, port } = await new Promise<{ server: ReturnType<typeof serve>; port: number }>(
    (resolve, reject) => {
      const listening = serve(
        {
          fetch: app.fetch,
          port: 0,
          hostname: "127.0.0.1",
          serverOptions: { keepAliveTimeout: KEEP_ALIVE_MS },
        },
        (at: AddressInfo) => {
          resolve({ server: listening, port: at.port });
        },
      );
      listening.once("error", reject);
    },
  );
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if ("closeAllConnections" in server) server.closeAllConnections();
      }),
  };
}

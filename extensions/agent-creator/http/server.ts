/**
 * The page and its API on the loopback port of the manifest; nexo's edge puts it on the internet.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { Product } from "../product.ts";
import { createApi } from "./api.ts";
import { createSessions } from "./session.ts";

/** Where and what to serve. */
export interface ServerOptions {
  readonly port: number;
  /** The directory `dist/page`. */
  readonly page: string;
  readonly now: () => number;
}

/** The whole of what is served, without a port. */
export async function createApp(product: Product, { page, now }: Omit<ServerOptions, "port">) {
  const key = await openKey(join(product.app.stateDir, "sessions.key"));
  const sessions = createSessions({ users: product.users, key, now });
  const web = new Hono();
  web.use(secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'", "data:"],
      connectSrc: ["'self'"],
      formAction: ["'self'"],
      baseUri: ["'self'"],
      frameAncestors: ["'none'"],
    },
    referrerPolicy: "no-referrer",
  }));
  web.get("/healthz", (c) => c.text("ok"));
  web.route("/api", createApi(product, sessions));
  web.use(
    "/page/*",
    serveStatic({
      root: page,
      rewriteRequestPath: (path) => path.replace(/^\/page/, ""),
      onFound: (_path, c) => c.header("cache-control", "public, max-age=31536000, immutable"),
    }),
  );
  web.get("/", async (c) => {
    c.header("cache-control", "no-cache");
    return c.html(await readFile(join(page, "index.html"), "utf8"));
  });
  return web;
}

/** Serves until it is disposed. */
export async function serveProduct(
  product: Product,
  options: ServerOptions,
): Promise<AsyncDisposable> {
  const web = await createApp(product, options);
  const server = createAdaptorServer({ fetch: web.fetch });
  server.listen(options.port, "127.0.0.1");
  await once(server, "listening");
  return {
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      if ("closeAllConnections" in server) server.closeAllConnections();
      await closed;
    },
  };
}

/** Makes the owner's first code, once, and leaves it where only this machine's operator reads it. */
export async function inviteOwner({ users, app }: Product): Promise<void> {
  if ((await users.list(null)).length > 0) return;
  const path = join(app.stateDir, "owner_sign_in.txt");
  const code = await users.invite({ account_id: null, name: "owner" });
  await writeFile(path, `${code}\n`, { mode: 0o600 });
  app.log.info("owner.invited", { code_in: path });
}

async function openKey(path: string): Promise<string> {
  const known = await readFile(path, "utf8").catch(() => undefined);
  if (known !== undefined) return known;
  const key = randomBytes(32).toString("base64url");
  await writeFile(path, key, { mode: 0o600, flag: "wx" });
  return key;
}

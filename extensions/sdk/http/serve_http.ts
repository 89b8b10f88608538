/**
 * A microapp's HTTP server as one of its parts.
 *
 * @module
 */
import { type Context, type Handler, Hono, type MiddlewareHandler } from "hono";
import type { UpgradeWebSocket } from "hono/ws";
import type { Part } from "../answers.ts";
import type { AppContext } from "../context.ts";
import { adminProxy, type AdminProxyOptions } from "./admin_proxy.ts";
import {
  type CallerEnv,
  callerOf,
  hopOf,
  type HttpCaller,
  isSecure,
  requireCaller,
} from "./callers.ts";
import type { EventLog } from "./event_log.ts";
import type { Hop } from "./hop.ts";
import { listen } from "./listen.ts";
import { placeOf, type ServerPlace } from "./place.ts";
import { securityHeaders, type SecurityOptions } from "./security.ts";
import { createSessions, type Session } from "./sessions.ts";
import { streamEvents, type StreamOptions } from "./sse.ts";
import { staticFiles, type StaticOptions } from "./static_files.ts";

/** What routes are built with. */
export interface HttpKit {
  /** What the microapp may use; `app.admin`, for example. */
  readonly context: AppContext;
  /** Where the server's `/` is for clients of nexo: `/apps/<id>`. */
  readonly basePath: string;
  /** Lets in the bearer, a session, or whom nexo let in by a token; anybody else gets 401. */
  readonly signedIn: () => MiddlewareHandler<CallerEnv>;
  /** Who calls, for routes that anybody may use. */
  readonly callerOf: (c: Context) => HttpCaller | undefined;
  /** What nexo vouches for about a request; undefined for one that did not come through nexo. */
  readonly hopOf: (c: Context) => Hop | undefined;
  /** Begins a session of this browser; the cookie is set on the answer. */
  readonly openSession: (
    c: Context,
    who: { readonly subject: string; readonly ttlMs?: number },
  ) => Session;
  readonly closeSession: (c: Context) => void;
  /** Handlers for `app.post("/api/admin", kit.signedIn(), ...kit.adminProxy({ allow: [] }))`. */
  readonly adminProxy: (options: AdminProxyOptions) => [Handler, Handler];
  /** Answers with events as they happen; see {@linkcode streamEvents}. */
  readonly events: (
    c: Context,
    log: EventLog,
    options?: Omit<StreamOptions, "signal">,
  ) => Response;
  /** Files of a built page; see {@linkcode staticFiles}. */
  readonly files: (options: StaticOptions) => MiddlewareHandler;
  /** Hono's, for the runtime this is. */
  readonly upgradeWebSocket: UpgradeWebSocket;
}

/** Settings of {@linkcode serveHttp}. */
export interface ServeHttpOptions extends SecurityOptions {
  /** How long a session lasts, in milliseconds. @default {28_800_000} */
  readonly sessionTtlMs?: number | undefined;
  /** Whether the server is well; core leads nobody to one that is not. @default {() => true} */
  readonly isWell?: (() => boolean | Promise<boolean>) | undefined;
}

/**
 * Serves HTTP where `[capabilities.http_server]` says; core leads `/apps/<id>/` there.
 *
 * Answers carry security headers, the health path is answered, and what `build` adds comes after both.
 *
 * @example
 * ```ts
 * await defineMicroapp({
 *   http: serveHttp((app, { signedIn, adminProxy, files }) => {
 *     app.post("/api/admin", signedIn(), ...adminProxy({ allow: ["agents/list"] }));
 *     app.get("/*", files({ root: "ui/dist" }));
 *   }),
 * }).run();
 * ```
 */
export function serveHttp(
  build: (app: Hono<CallerEnv>, kit: HttpKit) => void | Promise<void>,
  options: ServeHttpOptions = {},
): Part {
  return async function http(context) {
    const place = placeOf(context);
    const app = await createHttpApp(build, { context, place, options });
    const server = await listen(app as unknown as Hono, place);
    context.log.info("serving HTTP", { port: server.port });
    return server;
  };
}

/** The routes of a server, without listening. */
export async function createHttpApp(
  build: (app: Hono<CallerEnv>, kit: HttpKit) => void | Promise<void>,
  { context, place, options }: {
    readonly context: AppContext;
    readonly place: ServerPlace;
    readonly options: ServeHttpOptions;
  },
): Promise<Hono<CallerEnv>> {
  const { isWell = () => true, sessionTtlMs: ttlMs } = options;
  const now = Date.now;
  const sessions = createSessions({ place, now, ttlMs });
  const deps = { place, sessions, now };
  const app = new Hono<CallerEnv>();
  app.use(securityHeaders(options));
  app.get(
    place.healthPath,
    async (c) => c.json({ status: "ok" }, await isWell() ? 200 : 503),
  );
  app.onError((error, c) => {
    context.log.error("a route failed", { path: c.req.path, error: String(error) });
    return c.json(
      { error: { code: "internal", message: "The request could not be handled" } },
      500,
    );
  });
  await build(app, {
    context,
    basePath: place.basePath,
    signedIn: () => requireCaller(deps),
    callerOf: (c) => callerOf(c, deps),
    hopOf: (c) => hopOf(c, deps),
    openSession(c, who) {
      const { session, setCookie } = sessions.open(who, isSecure(c));
      c.header("set-cookie", setCookie, { append: true });
      return session;
    },
    closeSession: (c) => c.header("set-cookie", sessions.close(isSecure(c)), { append: true }),
    adminProxy: (allow) => adminProxy(context.admin, allow),
    events: (c, log, given) => streamEvents(c, log, { ...given, signal: context.signal }),
    files: (given) => staticFiles(given, place.basePath),
    upgradeWebSocket: await upgradeWebSocketHere(),
  });
  return app;
}

async function upgradeWebSocketHere(): Promise<UpgradeWebSocket> {
  const { upgradeWebSocket } = "Deno" in globalThis
    ? await import("hono/deno")
    : await import("@hono/node-server");
  return upgradeWebSocket as UpgradeWebSocket;
}

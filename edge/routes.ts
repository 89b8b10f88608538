/**
 * What an edge answers besides webhooks and microapps: operations, console, chat, firehose, admin RPC.
 *
 * @module
 */
import { type Context, Hono } from "hono";
import type { Bus } from "../core/bus/bus.ts";
import type { Clock, Readiness } from "../core/contract/mod.ts";
import type { Log } from "../core/flow/log.ts";
import type { BodyRead, EdgeAdapter } from "./adapter.ts";
import type { EdgeAssets } from "./assets.ts";
import type { Chat } from "./chat/chat.ts";
import { mountConsole } from "./console/console.ts";
import type { Refusals } from "./console/refusals.ts";
import type { StartDeadline } from "./deadline.ts";
import type { Firehose } from "./firehose/firehose.ts";
import { openApiDocument } from "./openapi/document.ts";
import { edgeReadiness, forwardRpc, isLocal } from "./operations.ts";
import { jsonResponse, problemResponse, SECURITY_HEADERS } from "./reply.ts";
import type { SourceTable } from "./webhooks/sources.ts";

/** Time to read the body of a request that is no webhook, in milliseconds. */
const BODY_LIMIT_MS = 15_000;

/** What the routes need of the edge around them. */
export interface RouteDeps {
  readonly bus: Bus;
  readonly now: Clock;
  readonly uuid: () => string;
  readonly log: Log;
  readonly adapter: EdgeAdapter;
  readonly version: string;
  /** Whether the bearer of a request is an operator. */
  readonly authorize: (request: Request) => Promise<boolean>;
  readonly firehose: Firehose;
  readonly chat: Chat;
  readonly refusals: Refusals;
  /** The console's files, where they were built. */
  readonly assets: EdgeAssets["console"] | undefined;
  readonly table: () => SourceTable;
  /** Whether core has said what there is. */
  readonly isConfigured: () => boolean;
  readonly startDeadline: StartDeadline;
  /** What else must work for `/readyz`. */
  readonly readiness: (() => Promise<Readiness>) | undefined;
  /** The Prometheus text for `/metrics`. */
  readonly metrics: () => Promise<string>;
}

type ClientOf = (c: Context) => ReturnType<SourceTable["clientOf"]>;

/** Returns an app with the routes. */
export function createRoutes(deps: RouteDeps): Hono {
  const { bus, uuid, log, adapter, table, startDeadline } = deps;
  const app = new Hono();

  const clientOf: ClientOf = (c) =>
    table().clientOf(adapter.remoteAddress(c.env), c.req.raw.headers);
  const readBodyOf = (c: Context) => async (capBytes: number): Promise<BodyRead> => {
    if (Number(c.req.header("content-length") ?? 0) > capBytes) return { kind: "too_large" };
    const deadline = startDeadline(BODY_LIMIT_MS);
    try {
      return await adapter.readBody(c.req.raw, c.env, capBytes, deadline);
    } finally {
      deadline.clear();
    }
  };

  mountOperations(app, deps, clientOf);
  deps.firehose.mount(app);
  mountConsole(app, { ...deps, readBodyOf });
  deps.chat.mount(app, { clientOf, readBodyOf });
  app.post(
    "/rpc",
    (c) =>
      forwardRpc({ bus, log }, { request: c.req.raw, requestId: uuid(), readBody: readBodyOf(c) }),
  );
  // Last, so that only what nobody above answers comes here.
  refuseOtherMethods(app, uuid);
  return app;
}

function mountOperations(app: Hono, deps: RouteDeps, clientOf: ClientOf): void {
  const { bus, uuid, version, authorize, table, isConfigured } = deps;
  const operatorsOnly = async (c: Context): Promise<Response | undefined> => {
    if (isLocal(c.req.raw.headers, clientOf(c).ip) || await authorize(c.req.raw)) return undefined;
    const headers = { "www-authenticate": "Bearer" };
    const message = "A bearer token is required";
    return problemResponse({ status: 401, code: "token_invalid", message, headers }, uuid());
  };

  app.get(
    "/healthz",
    () => jsonResponse(JSON.stringify({ status: "ok", version }), { requestId: uuid() }),
  );
  app.get("/readyz", async (c) => {
    const refused = await operatorsOnly(c);
    if (refused !== undefined) return refused;
    const body = edgeReadiness({
      bus,
      table: isConfigured() ? table() : undefined,
      behind: await deps.readiness?.(),
    });
    const status = body.ready ? 200 : 503;
    return jsonResponse(JSON.stringify(body), { status, requestId: uuid() });
  });
  app.get("/metrics", async (c) => {
    const refused = await operatorsOnly(c);
    if (refused !== undefined) return refused;
    return new Response(await deps.metrics(), {
      headers: { ...SECURITY_HEADERS, "content-type": "text/plain; version=0.0.4; charset=utf-8" },
    });
  });
  // Made when first asked for: most edges never are.
  let openApi: string | undefined;
  app.get("/openapi.json", () => {
    openApi ??= JSON.stringify(openApiDocument(version));
    return jsonResponse(openApi, { requestId: uuid() });
  });
}

/** What is answered by which methods; any other one at these paths is told so. */
const METHODS: readonly [allow: string, paths: readonly string[]][] = [
  ["GET, HEAD", ["/healthz", "/readyz", "/metrics", "/openapi.json"]],
  ["GET, HEAD, POST", ["/chat/:instance/messages"]],
  ["POST", ["/chat/:instance/files", "/rpc", "/session"]],
  [
    "GET, HEAD",
    ["", "/ws", "/widget.js", "/embed", "/assets/:name", "/files/:file"]
      .map((path) => `/chat/:instance${path}`),
  ],
  ["GET", ["/firehose", "/firehose/sse"]],
];

function refuseOtherMethods(app: Hono, uuid: () => string): void {
  for (const [allow, paths] of METHODS) {
    const message = `Only ${allow} is answered here`;
    const problem = { status: 405, code: "method_not_allowed", message, headers: { allow } };
    for (const path of paths) app.all(path, () => problemResponse(problem, uuid()));
  }
}

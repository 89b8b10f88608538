/**
 * The edge as one fetch function: webhooks, chat, operations. It knows no runtime and starts nothing.
 *
 * @module
 */
import { type Context, Hono } from "hono";
import type { Bus } from "../core/bus/bus.ts";
import type { ExchangeClient } from "../core/bus/exchanges/client.ts";
import {
  type Clock,
  codeOf,
  createUuids,
  type EdgeConfig,
  isAppsPath,
  type Random,
  type Readiness,
} from "../core/contract/mod.ts";
import type { Log } from "../core/flow/log.ts";
import type { BodyRead, EdgeAdapter, RequestHead } from "./adapter.ts";
import { type AppReply, type AppRequest, createApps } from "./apps/apps.ts";
import { createBridges } from "./apps/bridge.ts";
import { createStandardApps } from "./apps/standard.ts";
import type { EdgeAssets } from "./assets.ts";
import { type Chat, createChat } from "./chat/chat.ts";
import { mountConsole } from "./console/console.ts";
import { createRefusals, type Refusals } from "./console/refusals.ts";
import { sessionTokenOf } from "./console/session.ts";
import { createDeadlines, type StartDeadline } from "./deadline.ts";
import { createFirehose, type Firehose, type FirehoseOptions } from "./firehose/firehose.ts";
import { createEdgeMetrics } from "./metrics.ts";
import { openApiDocument } from "./openapi/document.ts";
import { edgeReadiness, forwardRpc, isLocal } from "./operations.ts";
import {
  jsonResponse,
  problemResponse,
  type Reply,
  responseOf,
  secured,
  SECURITY_HEADERS,
} from "./reply.ts";
import { pathOf } from "./url.ts";
import type { ProxyHeaders } from "./webhooks/client_ip.ts";
import { createReceive } from "./webhooks/receive.ts";
import { createRejections } from "./webhooks/rejections.ts";
import { traceHandoffs, traceReceive } from "./webhooks/traced.ts";
import {
  createSourceTable,
  NO_SOURCES,
  type SourceChanges,
  sourceChanges,
  type SourceTable,
} from "./webhooks/sources.ts";

/** What an edge needs. */
export interface EdgeDeps {
  readonly bus: Bus;
  readonly now: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly adapter: EdgeAdapter;
  readonly version: string;
  /** Signs visitors' cookies; the same on every edge of a deployment. */
  readonly visitorSecret: string;
  /** Whether the bearer of a request is an operator. */
  readonly authorize: (request: Request) => Promise<boolean>;
  /** Opens exchanges with microapps' HTTP servers. */
  readonly exchanges?: ExchangeClient | undefined;
  readonly firehose?: FirehoseOptions | undefined;
  /** The files of our pages; without them `/console` and `/chat` say that they were not built. */
  readonly assets?: EdgeAssets | undefined;
  /** What else must work for `/readyz`. */
  readonly readiness?: (() => Promise<Readiness>) | undefined;
  /** More Prometheus text for `/metrics`. */
  readonly metrics?: (() => Promise<string>) | undefined;
}

/** An edge. */
export interface Edge {
  /** For routes of other parts; add them before the first request. */
  readonly app: Hono;
  /** Answers a request; `env` goes to the adapter. */
  readonly fetch: (request: Request, env?: unknown) => Response | Promise<Response>;
  /**
   * Takes a webhook without the cost of standard request and response objects, for runtimes that can;
   * undefined when no source has that path, which then is for {@linkcode Edge.fetch}.
   */
  readonly receive: (
    path: string,
    request: RequestHead,
    env: unknown,
  ) => Promise<Reply> | undefined;
  /**
   * Answers a request below `/apps` without standard request and response objects; for runtimes that
   * read and write in pieces by themselves. WebSockets go to {@linkcode Edge.fetch}. Never rejects.
   */
  readonly answerApp: (request: AppRequest) => Promise<AppReply>;
  /** The client's address, by the rules for trusted proxies. */
  readonly ipOf: (peer: string | null, headers: ProxyHeaders) => string | null;
  /** Puts a configuration in force at once; requests under way end with the one they began with. */
  readonly apply: (config: EdgeConfig) => SourceChanges;
  /** Webhooks under way. */
  readonly inFlight: () => number;
  /** Ends connections that would never end by themselves; resolves when they have. */
  readonly close: () => Promise<void>;
}

/** Time to read the body of a request that is no webhook, in milliseconds. */
const BODY_LIMIT_MS = 15_000;

/** Builds an edge without sources; it is ready once {@linkcode Edge.apply} gave it some. */
export function createEdge(deps: EdgeDeps): Edge {
  const { bus, now, random, log, adapter } = deps;
  const uuid = createUuids({ now, random });
  const deadlines = createDeadlines();
  const refusals = createRefusals();
  const rejections = createRejections(deps);
  const firehose = createFirehose({
    ...deps.firehose,
    bus,
    now,
    uuid,
    log,
    adapter,
    cookieToken: sessionTokenOf,
  });
  const chat = createChat({ ...deps, uuid, assets: deps.assets?.chat });
  const metrics = createEdgeMetrics({
    bus,
    chat,
    webhooksInFlight: inFlight,
    sources: () => table.byPath.size,
    firehose,
    now,
  });
  const receive = traceReceive(createReceive({
    bus: traceHandoffs(metrics.timed(bus)),
    now,
    uuid,
    log,
    adapter,
    startDeadline: deadlines.start,
    onRefused(refused) {
      refusals.note(refused);
      rejections.note(refused);
    },
    onAnswered: metrics.webhookAnswered,
  }));
  let table: SourceTable = createSourceTable(NO_SOURCES);
  let isConfigured = false;

  const receiveAt: Edge["receive"] = (path, request, env) => {
    const live = table.byPath.get(path);
    return live === undefined ? undefined : receive(live, table, request, env);
  };

  const ipOf: Edge["ipOf"] = (peer, headers) => table.clientOf(peer, headers).ip;
  const apps = createApps({
    exchanges: deps.exchanges && metrics.counted(deps.exchanges),
    uuid,
    log,
  });
  const bridges = createBridges();
  const fetchApp = createStandardApps({ apps, bridges, adapter, ipOf });

  const app = createRoutes(deps, {
    uuid,
    firehose,
    chat,
    refusals,
    table: () => table,
    isConfigured: () => isConfigured,
    startDeadline: deadlines.start,
    metrics: metrics.render,
  });
  app.notFound((c) => {
    const reply = receiveAt(pathOf(c.req.url), c.req.raw, c.env);
    if (reply !== undefined) return reply.then(responseOf);
    // Before core has said what there is, nobody may conclude that something is not.
    if (!isConfigured) {
      const message = "This edge does not know its sources yet";
      const problem = { status: 503, code: "not_configured", message, retryAfterSecs: 2 };
      return problemResponse(problem, uuid());
    }
    return problemResponse({ status: 404, code: "not_found", message: "Nothing is here" }, uuid());
  });
  app.onError((error) => {
    const requestId = uuid();
    log.error("http.failed", { requestId, code: codeOf(error), error });
    const message = "The request could not be handled";
    return problemResponse({ status: 500, code: "internal", message }, requestId);
  });

  function inFlight(): number {
    let sum = 0;
    for (const live of table.byPath.values()) sum += live.load.inFlight;
    return sum;
  }

  return {
    app,
    fetch(request, env) {
      // Webhooks are most of the traffic, and a map is quicker than a router.
      const path = pathOf(request.url);
      const reply = receiveAt(path, request, env);
      if (reply !== undefined) return reply.then(responseOf);
      // A microapp says itself what holds for its pages.
      if (isAppsPath(path)) return fetchApp(request, env);
      const response = app.fetch(request, env);
      return response instanceof Promise ? response.then(secured) : secured(response);
    },
    receive: receiveAt,
    answerApp: apps.answer,
    ipOf,
    apply(config) {
      const next = createSourceTable(config, { previous: table, createMac: adapter.createMac });
      const changes = sourceChanges(table, next);
      table = next;
      isConfigured = true;
      if (config.auth !== undefined) firehose.applyAuth(config.auth);
      chat.apply(config.chat);
      if (config.firehose !== undefined) {
        const { max_clients_per_tenant: perTenant, max_clients_per_subject: perSubject } =
          config.firehose;
        firehose.limit({ perTenant, perSubject });
      }
      metrics.nameTenants(config.tenant_label ?? false);
      log.info("edge.configured", { version: config.version, ...changes });
      return changes;
    },
    inFlight,
    async close() {
      deadlines.close();
      chat.close();
      bridges.close();
      apps.close();
      await firehose.close();
      await rejections.close();
    },
  };
}

/** What the routes see of the edge around them. */
interface Inside {
  readonly uuid: () => string;
  readonly firehose: Firehose;
  readonly chat: Chat;
  readonly refusals: Refusals;
  readonly table: () => SourceTable;
  readonly isConfigured: () => boolean;
  readonly startDeadline: StartDeadline;
  readonly metrics: () => Promise<string>;
}

function createRoutes(deps: EdgeDeps, inside: Inside): Hono {
  const { uuid, firehose, chat, table, isConfigured, startDeadline, metrics } = inside;
  const { bus, log, adapter, version, authorize } = deps;
  const app = new Hono();

  const clientOf = (c: Context) =>
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
    return new Response(await metrics() + (await deps.metrics?.() ?? ""), {
      headers: { ...SECURITY_HEADERS, "content-type": "text/plain; version=0.0.4; charset=utf-8" },
    });
  });
  // Made when first asked for: most edges never are.
  let openApi: string | undefined;
  app.get("/openapi.json", () => {
    openApi ??= JSON.stringify(openApiDocument(version));
    return jsonResponse(openApi, { requestId: uuid() });
  });
  firehose.mount(app);
  mountConsole(app, { ...deps, ...inside, assets: deps.assets?.console, readBodyOf });
  chat.mount(app, { clientOf, readBodyOf });
  app.post(
    "/rpc",
    (c) =>
      forwardRpc({ bus, log }, { request: c.req.raw, requestId: uuid(), readBody: readBodyOf(c) }),
  );
  const onlyWith = (allow: string) => () => {
    const message = `Only ${allow} is answered here`;
    return problemResponse(
      { status: 405, code: "method_not_allowed", message, headers: { allow } },
      uuid(),
    );
  };
  for (const path of ["/healthz", "/readyz", "/metrics", "/openapi.json"]) {
    app.all(path, onlyWith("GET, HEAD"));
  }
  app.all("/chat/:instance/messages", onlyWith("GET, HEAD, POST"));
  app.all("/chat/:instance/files", onlyWith("POST"));
  for (const path of ["", "/ws", "/widget.js", "/embed", "/assets/:name", "/files/:file"]) {
    app.all(`/chat/:instance${path}`, onlyWith("GET, HEAD"));
  }
  app.all("/rpc", onlyWith("POST"));
  for (const path of ["/firehose", "/firehose/sse"]) app.all(path, onlyWith("GET"));
  app.all("/session", onlyWith("POST"));
  return app;
}

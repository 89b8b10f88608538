/**
 * The edge as one fetch function: webhooks by their paths, microapps below `/apps`, the rest by routes.
 * It knows no runtime and starts nothing.
 *
 * @module
 */
import type { Hono } from "hono";
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
import type { EdgeAdapter, RequestHead } from "./adapter.ts";
import { type AppReply, type AppRequest, createApps } from "./apps/apps.ts";
import { createBridges } from "./apps/bridge.ts";
import { createStandardApps } from "./apps/standard.ts";
import type { EdgeAssets } from "./assets.ts";
import { createChat } from "./chat/chat.ts";
import { createRefusals } from "./console/refusals.ts";
import { sessionTokenOf } from "./console/session.ts";
import { createDeadlines } from "./deadline.ts";
import { createFirehose, type FirehoseOptions } from "./firehose/firehose.ts";
import { createEdgeMetrics } from "./metrics.ts";
import { problemResponse, type Reply, responseOf, secured } from "./reply.ts";
import { createRoutes } from "./routes.ts";
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

  const app = createRoutes({
    ...deps,
    uuid,
    firehose,
    chat,
    refusals,
    assets: deps.assets?.console,
    table: () => table,
    isConfigured: () => isConfigured,
    startDeadline: deadlines.start,
    readiness: deps.readiness,
    metrics: async () => await metrics.render() + (await deps.metrics?.() ?? ""),
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

/**
 * The edge on Node.
 *
 * @module
 */
import { createHmac, createSecretKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { serve } from "@hono/node-server";
import type { Bus } from "../core/bus/bus.ts";
import {
  type Clock,
  CodedError,
  type EdgeConfig,
  isAppsPath,
  type Random,
} from "../core/contract/mod.ts";
import type { CreateMac } from "../core/signing/mac.ts";
import { KEEP_ALIVE_MS } from "../core/flow/keep_alive.ts";
import type { Log } from "../core/flow/log.ts";
import { createPooledRandom } from "../core/flow/random.ts";
import type { BodyRead, EdgeAdapter, RequestHead } from "./adapter.ts";
import { createEdge, type Edge, type EdgeDeps } from "./app.ts";
import { EdgeAssets } from "./assets.ts";
import type { Deadline } from "./deadline.ts";
import { answerNodeApp } from "./node_apps.ts";
import { Incoming } from "./node_incoming.ts";
import { createNodeSockets } from "./node_sockets.ts";
import { wholeList } from "./reply.ts";

/** Settings of {@linkcode startNodeEdge}. */
export interface NodeEdgeOptions
  extends
    Partial<Pick<EdgeDeps, "authorize" | "readiness" | "metrics" | "firehose" | "exchanges">> {
  readonly bus: Bus;
  /** Where it starts; {@linkcode NodeEdge.apply} changes it later. Undefined: all is 503 until then. */
  readonly config: EdgeConfig | undefined;
  /** 0 takes any free port. */
  readonly port: number;
  readonly hostname: string;
  readonly log: Log;
  readonly version: string;
  /** Signs visitors' cookies; without it they last as long as this process. */
  readonly visitorSecret?: string | undefined;
  /** Adds routes before the first request. */
  readonly extend?: ((edge: Edge) => void) | undefined;
  readonly now?: Clock | undefined;
  readonly random?: Random | undefined;
  /** How long requests under way may take when the edge closes, in milliseconds. @default {10000} */
  readonly drainMs?: number | undefined;
}

/** An edge that listens. Disposing stops accepting, lets requests end, then closes. */
export interface NodeEdge extends AsyncDisposable {
  /** `http://<hostname>:<port>` without a slash at the end. */
  readonly url: string;
  readonly apply: Edge["apply"];
}

/** A whole request, upload included, may take this long; webhooks have their own, shorter limit. */
const REQUEST_LIMIT_MS = 300_000;
/** Time for the headers of a request. */
const HEADERS_LIMIT_MS = 15_000;
const CHECK_EVERY_MS = 2_000;
/** How long the rest of a refused body is read and thrown away. */
const DRAIN_LIMIT_MS = 500;

/**
 * Starts an edge on Node's HTTP server.
 *
 * @throws {CodedError} `port_in_use`
 */
export async function startNodeEdge(options: NodeEdgeOptions): Promise<NodeEdge> {
  const { port, hostname, drainMs = 10_000, now = Date.now } = options;
  const random = options.random ?? createPooledRandom();
  const sockets = createNodeSockets();
  const edge = createEdge({
    ...options,
    now,
    random,
    adapter: { ...nodeAdapter, acceptSocket: sockets.accept },
    visitorSecret: options.visitorSecret ?? crypto.randomUUID(),
    authorize: options.authorize ?? (() => Promise.resolve(false)),
    assets: await readAssets(),
  });
  if (options.config !== undefined) edge.apply(options.config);
  options.extend?.(edge);

  const server = await listen(edge, { port, hostname });
  sockets.serve(server, edge.fetch);
  const address = server.address();
  const actualPort = typeof address === "object" && address !== null ? address.port : port;
  const shownHost = hostname.includes(":") ? `[${hostname}]` : hostname;
  let closing: Promise<void> | undefined;
  return {
    url: `http://${shownHost}:${actualPort}`,
    apply: edge.apply,
    [Symbol.asyncDispose]: () => closing ??= close(server, edge, drainMs),
  };
}

/** The pages as the build left them: beside this file, or in `dist` when this is the source. */
async function readAssets(): Promise<EdgeAssets | undefined> {
  for (const place of ["./assets.json", "../dist/edge/assets.json"]) {
    const text = await readFile(new URL(place, import.meta.url), "utf8").catch(() => undefined);
    if (text !== undefined) return EdgeAssets.parse(JSON.parse(text));
  }
  return undefined;
}

function listen(
  edge: Edge,
  { port, hostname }: { port: number; hostname: string },
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = serve({
      fetch: edge.fetch,
      port,
      hostname,
      createServer: ((serverOptions: ServerOptions, listener: RequestListener) =>
        createServer(serverOptions, (incoming, outgoing) => {
          if (receiveDirectly(edge, incoming, outgoing)) {
            return;
          }
          if (!answerAppDirectly(edge, incoming, outgoing)) {
            listener(incoming, outgoing);
          }
        })) as typeof createServer,
      serverOptions: {
        IncomingMessage: Incoming,
        // Otherwise a repeated `authorization` would count as one.
        joinDuplicateHeaders: true,
        headersTimeout: HEADERS_LIMIT_MS,
        requestTimeout: REQUEST_LIMIT_MS,
        connectionsCheckingInterval: CHECK_EVERY_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
      },
    }, () => {
      server.off("error", fail);
      resolve(server);
    }) as Server;
    const fail = (error: NodeJS.ErrnoException): void => {
      if (error.code !== "EADDRINUSE") return reject(error);
      const message = `Cannot listen on "${hostname}:${port}": the port is taken; ` +
        "stop the other process or choose another with --port or NEXO_PORT";
      reject(new CodedError("port_in_use", message, { cause: error }));
    };
    server.once("error", fail);
  });
}

/** Whether the request was a webhook's; those skip the objects of the server adapter. */
function receiveDirectly(
  edge: Edge,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): boolean {
  const { url = "/", method = "GET", headers } = incoming;
  const query = url.indexOf("?");
  const head: RequestHead = {
    method,
    url,
    headers: {
      get(name) {
        const value = headers[name];
        return (Array.isArray(value) ? value[0] : value) ?? null;
      },
    },
  };
  const reply = edge.receive(query < 0 ? url : url.slice(0, query), head, { incoming });
  if (reply === undefined) return false;
  reply.then((answer) => {
    outgoing.writeHead(answer.status, wholeList(answer));
    outgoing.end(answer.body ?? undefined);
    if (!incoming.complete) drain(incoming);
  }).catch(() => outgoing.destroy());
  return true;
}

/** Whether the request was for a microapp; those bodies go through in pieces. */
function answerAppDirectly(
  edge: Edge,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): boolean {
  const [path = "/"] = (incoming.url ?? "/").split("?", 1);
  if (!isAppsPath(path)) return false;
  answerNodeApp(edge, incoming, outgoing, drain).catch(() => outgoing.destroy());
  return true;
}

/** Lets a client that is still sending read the answer, for a bounded time. */
function drain(incoming: IncomingMessage): void {
  const giveUp = setTimeout(() => incoming.socket.destroySoon(), DRAIN_LIMIT_MS);
  incoming.on("error", () => undefined).once("close", () => clearTimeout(giveUp)).resume();
}

async function close(server: Server, edge: Edge, drainMs: number): Promise<void> {
  const closed = closeServer(server, drainMs);
  await edge.close();
  await closed;
}

function closeServer(server: Server, drainMs: number): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.closeAllConnections(), drainMs);
    server.close(() => {
      clearTimeout(force);
      resolve();
    });
    // Keep-alive connections would hold the server open with nothing to say.
    server.closeIdleConnections();
  });
}

/** In this thread: WebCrypto's way through the thread pool costs a webhook more than all else. */
const createNodeMac: CreateMac = (algorithm, bytes) => {
  const key = createSecretKey(bytes);
  const hash = algorithm === "hmac-sha1" ? "sha1" : "sha256";
  return (input) => {
    const hmac = createHmac(hash, key);
    for (const piece of input) hmac.update(piece);
    return hmac.digest();
  };
};

const nodeAdapter: EdgeAdapter = {
  createMac: createNodeMac,
  remoteAddress: (env) => incomingOf(env).socket.remoteAddress ?? null,
  readBody: (_request, env, capBytes, deadline) =>
    readIncoming(incomingOf(env), capBytes, deadline),
};

function incomingOf(env: unknown): Incoming {
  return (env as { incoming: Incoming }).incoming;
}

/** Reads what the parser finds, without the stream around it. */
function readIncoming(
  incoming: Incoming,
  capBytes: number,
  deadline: Deadline,
): Promise<BodyRead> {
  return new Promise((resolve) => {
    const pieces: Buffer<ArrayBuffer>[] = [];
    let length = 0;
    const finish = (read: BodyRead): void => {
      incoming.releaseBody();
      deadline.onExpire(undefined);
      resolve(read);
    };
    deadline.onExpire(() => finish({ kind: "timeout" }));
    incoming.takeBody({
      onPiece(piece) {
        length += piece.length;
        if (length <= capBytes) pieces.push(piece);
        // What is still to come is drained when the answer has left, for a bounded time.
        else finish({ kind: "too_large" });
      },
      onEnd() {
        const [only] = pieces;
        const bytes = only !== undefined && pieces.length === 1
          ? only
          : Buffer.concat(pieces, length);
        finish({ kind: "body", bytes });
      },
      onLost: () => finish({ kind: "aborted" }),
    });
  });
}

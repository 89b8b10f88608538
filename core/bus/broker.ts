/**
 * The embedded broker: any NATS client may join the local bus over WebSocket.
 *
 * @module
 */
import { createHash, randomUUID, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { CodedError } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import { type BrokerClient, type ClientSocket, createClient } from "./broker_client.ts";
import { infoFrame } from "./broker_frames.ts";
import type { Router } from "./router.ts";

/** Settings of {@linkcode openBroker}. */
export interface BrokerOptions {
  /** Of the local bus that clients join. */
  readonly router: Router;
  /** What every client must show. */
  readonly token: string;
  /** 0 takes any free port; the default one moves to a free one when it is taken. @default {4223} */
  readonly port?: number | undefined;
  /** @default {"127.0.0.1"} */
  readonly hostname?: string | undefined;
  /** Web pages that may connect, as `https://host[:port]`; others are refused. @default {[]} */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** Headers and data of one message. @default {8388608} */
  readonly maxPayloadBytes?: number | undefined;
  /** @default {256} */
  readonly maxConnections?: number | undefined;
  /** Of one client. @default {4096} */
  readonly maxSubscriptions?: number | undefined;
  /** Bytes that may wait for a slow client before it is cut. @default {33554432} */
  readonly maxBufferedBytes?: number | undefined;
  /** How long a client may take to sign in, in milliseconds. @default {2000} */
  readonly signInLimitMs?: number | undefined;
  /** Between signs of life; three without one and a client is cut, in milliseconds. @default {20000} */
  readonly pingEveryMs?: number | undefined;
  readonly log: Log;
}

/** A broker that listens. */
export interface Broker extends AsyncDisposable {
  /** `ws://<hostname>:<port>`. */
  readonly url: string;
  readonly port: number;
}

/** Where clients look first. */
export const DEFAULT_BROKER_PORT = 4223;
const MIB = 1024 * 1024;
/** One WebSocket frame may hold a message and what gathered before it. */
const FRAME_SLACK_BYTES = MIB;
const HANDSHAKE_LIMIT_MS = 5000;

/**
 * Listens for NATS clients.
 *
 * @throws {CodedError} `port_in_use`
 */
export async function openBroker(options: BrokerOptions): Promise<Broker> {
  const { router, log, allowedOrigins = [], hostname = "127.0.0.1" } = options;
  const { port = DEFAULT_BROKER_PORT, maxPayloadBytes = 8 * MIB, maxConnections = 256 } = options;
  const { maxSubscriptions = 4096, maxBufferedBytes = 32 * MIB } = options;
  const { signInLimitMs = 2000, pingEveryMs = 20_000 } = options;

  const isAllowed = createTokenCheck(options.token);
  const clients = new Map<WebSocket, BrokerClient>();
  const serverId = randomUUID();
  let lastId = 0;

  const server = createServer((_request, response) => {
    response.writeHead(426, { upgrade: "websocket", connection: "close" }).end();
  });
  server.headersTimeout = HANDSHAKE_LIMIT_MS;
  server.requestTimeout = HANDSHAKE_LIMIT_MS;
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: maxPayloadBytes + FRAME_SLACK_BYTES,
  });

  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const { origin } = request.headers;
    // A web page can reach loopback, and its browser always says where it is from.
    if (origin !== undefined && !allowedOrigins.includes(origin)) {
      log.warn("broker.origin_refused", { origin });
      return hangUp(socket, "403 Forbidden");
    }
    if (clients.size >= maxConnections) {
      log.warn("broker.full", { maxConnections });
      return hangUp(socket, "503 Service Unavailable");
    }
    sockets.handleUpgrade(request, socket, head, join);
  });

  function join(webSocket: WebSocket): void {
    const id = ++lastId;
    const client = createClient({
      id,
      router,
      socket: clientSocket(webSocket),
      isAllowed,
      maxPayloadBytes,
      maxSubscriptions,
      maxBufferedBytes,
      log,
    });
    clients.set(webSocket, client);
    const signInLimit = setTimeout(() => {
      if (!client.isSignedIn()) client.refuse("Authentication Timeout");
    }, signInLimitMs);
    webSocket.on("message", (data) => client.feed(bytesOf(data)));
    // Its close event follows, and says all that is needed.
    webSocket.on("error", () => undefined);
    webSocket.on("close", () => {
      clearTimeout(signInLimit);
      clients.delete(webSocket);
      client.end();
    });
    const { port: listening } = addressOf(server);
    const info = { serverId, host: hostname, port: listening, maxPayloadBytes, clientId: id };
    webSocket.send(infoFrame(info));
  }

  await listenOrMove(server, port, hostname, log);
  const pings = setInterval(() => {
    for (const client of clients.values()) if (client.isSignedIn()) client.ping();
  }, pingEveryMs);

  let closing: Promise<void> | undefined;
  function close(): Promise<void> {
    clearInterval(pings);
    for (const [webSocket, client] of clients) {
      client.end();
      webSocket.terminate();
    }
    return new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  const { port: listening } = addressOf(server);
  const shownHost = hostname.includes(":") ? `[${hostname}]` : hostname;
  return {
    url: `ws://${shownHost}:${listening}`,
    port: listening,
    [Symbol.asyncDispose]: () => closing ??= close(),
  };
}

/** Digests have one length, so that the comparison says nothing about the token's. */
function createTokenCheck(token: string): (shown: string | undefined) => boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  const wanted = digest(token);
  return (shown) => shown !== undefined && timingSafeEqual(digest(shown), wanted);
}

async function listenOrMove(
  server: Server,
  port: number,
  hostname: string,
  log: Log,
): Promise<void> {
  try {
    await listen(server, port, hostname);
  } catch (error) {
    if (!(error instanceof CodedError) || port !== DEFAULT_BROKER_PORT) throw error;
    log.info("broker.port_moved", { from: port });
    await listen(server, 0, hostname);
  }
}

function listen(server: Server, port: number, hostname: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      if (error.code !== "EADDRINUSE") return reject(error);
      const message = `Cannot open the broker on "${hostname}:${port}": the port is taken`;
      reject(new CodedError("port_in_use", message, { cause: error }));
    };
    server.once("error", fail);
    server.listen(port, hostname, () => {
      server.off("error", fail);
      resolve();
    });
  });
}

function addressOf(server: Server): { port: number } {
  const address = server.address();
  return { port: typeof address === "object" && address !== null ? address.port : 0 };
}

function hangUp(socket: Duplex, status: string): void {
  socket.on("error", () => undefined);
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function clientSocket(webSocket: WebSocket): ClientSocket {
  return {
    send: (frame) => webSocket.send(frame),
    bufferedBytes: () => webSocket.bufferedAmount,
    pause: () => webSocket.pause(),
    resume: () => webSocket.resume(),
    close: () => webSocket.close(),
    terminate: () => webSocket.terminate(),
  };
}

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}

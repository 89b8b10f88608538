/**
 * WebSockets on Node's HTTP server.
 *
 * @module
 */
import { type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { EdgeAdapter } from "./adapter.ts";
import {
  type AcceptOptions,
  BROKEN_OFF,
  chooseProtocol,
  type EdgeSocket,
  MAX_INBOUND_BYTES,
  type SocketEvents,
  type TextMessages,
} from "./sockets.ts";

/** Answers a handshake; `env` goes to the adapter. */
type Fetch = (request: Request, env: unknown) => Response | Promise<Response>;

/** A handshake on its way through the app. */
interface UpgradeEnv {
  readonly incoming: IncomingMessage;
  readonly upgrade: { readonly socket: Duplex; readonly head: Buffer; accepted: boolean };
}

/** The WebSockets of one server. */
export interface NodeSockets {
  /** For handshakes that came through {@linkcode NodeSockets.serve}. */
  readonly accept: NonNullable<EdgeAdapter["acceptSocket"]>;
  /** Sends every handshake through `fetch`; one that no route accepts gets the response instead. */
  readonly serve: (server: Server, fetch: Fetch) => void;
}

/** Builds the WebSockets of one server. */
export function createNodeSockets(): NodeSockets {
  /** Answers that were chosen elsewhere; null for none. */
  const chosen = new WeakMap<IncomingMessage, string | null>();
  const servers = new Map<number, WebSocketServer>();

  function serverFor(maxPayload: number): WebSocketServer {
    const known = servers.get(maxPayload);
    if (known !== undefined) return known;
    const server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      // It costs a broadcast seven times its throughput.
      perMessageDeflate: false,
      maxPayload,
      handleProtocols: (offered, incoming) =>
        (chosen.has(incoming) ? chosen.get(incoming) : chooseProtocol(offered)) ?? false,
    });
    servers.set(maxPayload, server);
    return server;
  }

  return {
    accept(_request, env, events, options: AcceptOptions = {}) {
      const { incoming, upgrade } = env as Partial<UpgradeEnv>;
      if (incoming === undefined || upgrade === undefined) return undefined;
      upgrade.accepted = true;
      if (options.protocol !== undefined) chosen.set(incoming, options.protocol);
      let isOpen = false;
      serverFor(options.maxMessageBytes ?? MAX_INBOUND_BYTES)
        .handleUpgrade(incoming, upgrade.socket, upgrade.head, (ws) => {
          isOpen = true;
          connect(ws, upgrade.socket, events);
        });
      if (!isOpen) events.onClose(BROKEN_OFF, "");
      return new Response(null);
    },
    serve(server, fetch) {
      server.on("upgrade", (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
        socket.on("error", () => socket.destroy());
        const env: UpgradeEnv = { incoming, upgrade: { socket, head, accepted: false } };
        answer(env, fetch).catch(() => socket.destroy());
      });
    },
  };
}

/** How an answer is framed is said here, whatever it was when it came. */
const FRAMING: ReadonlySet<string> = new Set(["connection", "content-length"]);

async function answer(env: UpgradeEnv, fetch: Fetch): Promise<void> {
  const { incoming, upgrade: { socket } } = env;
  // A body would be read as something else: the connection has left HTTP.
  if (incoming.method !== "GET" && incoming.method !== "HEAD") {
    return void socket.end(
      "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    );
  }
  const response = await fetch(requestOf(incoming), env);
  if (env.upgrade.accepted || socket.destroyed) return;
  const body = Buffer.from(await response.arrayBuffer());
  const lines = [`HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ""}`];
  response.headers.forEach((value, name) => {
    if (!FRAMING.has(name)) lines.push(`${name}: ${value}`);
  });
  lines.push("connection: close", `content-length: ${body.length}`, "", "");
  socket.end(Buffer.concat([Buffer.from(lines.join("\r\n")), body]));
}

function requestOf(incoming: IncomingMessage): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    for (const one of [value ?? []].flat()) headers.append(name, one);
  }
  // The host decides nothing here, and what a client wrote there must not break the URL.
  const { method = "GET" } = incoming;
  return new Request(new URL(`http://edge${incoming.url ?? "/"}`), { method, headers });
}

function connect(
  ws: WebSocket,
  socket: Duplex,
  { onOpen, onMessage, onClose }: SocketEvents,
): void {
  if (onMessage !== undefined) {
    ws.on("message", (data: Buffer, isBinary) => onMessage(isBinary ? data : data.toString()));
  }
  // What is wrong ends the connection, and its end is heard.
  ws.on("error", ignore);
  ws.on("close", (code, reason) => onClose(code, reason.toString()));
  onOpen(new NodeSocket(ws, socket));
}

function ignore(): void {}

/** A class, because an edge has ten thousand of them: methods are shared, closures would not be. */
class NodeSocket implements EdgeSocket {
  readonly #ws: WebSocket;
  readonly #stream: Duplex;
  #isPingOpen = false;

  constructor(ws: WebSocket, stream: Duplex) {
    this.#ws = ws;
    this.#stream = stream;
    ws.on("pong", () => this.#isPingOpen = false);
  }

  send(messages: TextMessages): void {
    // Complete frames between complete frames: the connection's own writer never notices.
    if (this.#isOpen()) this.#stream.write(messages.wire());
  }

  sendMessage(bytes: Uint8Array, isText: boolean): Promise<void> {
    return new Promise((resolve) => this.#ws.send(bytes, { binary: !isText }, () => resolve()));
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  bufferedBytes(): number {
    return this.#stream.writableLength;
  }

  ping(): boolean {
    if (!this.#isOpen()) return true;
    if (this.#isPingOpen) return false;
    this.#isPingOpen = true;
    this.#ws.ping();
    return true;
  }

  close(code: number, reason: string): void {
    this.#ws.close(code, reason);
  }

  terminate(): void {
    this.#ws.terminate();
  }

  #isOpen(): boolean {
    return this.#ws.readyState === this.#ws.OPEN;
  }
}

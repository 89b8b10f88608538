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
  chooseProtocol,
  type EdgeSocket,
  MAX_INBOUND_BYTES,
  type SocketEvents,
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
  const handshakes = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // It costs a broadcast seven times its throughput.
    perMessageDeflate: false,
    maxPayload: MAX_INBOUND_BYTES,
    handleProtocols: (offered) => chooseProtocol(offered) ?? false,
  });
  return {
    accept(_request, env, events) {
      const { incoming, upgrade } = env as Partial<UpgradeEnv>;
      if (incoming === undefined || upgrade === undefined) return undefined;
      upgrade.accepted = true;
      let isOpen = false;
      handshakes.handleUpgrade(incoming, upgrade.socket, upgrade.head, (ws) => {
        isOpen = true;
        connect(ws, upgrade.socket, events);
      });
      if (!isOpen) events.onClose();
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

async function answer(env: UpgradeEnv, fetch: Fetch): Promise<void> {
  const { incoming, upgrade: { socket } } = env;
  const response = await fetch(requestOf(incoming), env);
  if (env.upgrade.accepted || socket.destroyed) return;
  const body = Buffer.from(await response.arrayBuffer());
  const lines = [`HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ""}`];
  response.headers.forEach((value, name) => lines.push(`${name}: ${value}`));
  lines.push("connection: close", `content-length: ${body.length}`, "", "");
  socket.end(Buffer.concat([Buffer.from(lines.join("\r\n")), body]));
}

function requestOf(incoming: IncomingMessage): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    for (const one of [value ?? []].flat()) headers.append(name, one);
  }
  // The host decides nothing here, and what a client wrote there must not break the URL.
  return new Request(new URL(`http://edge${incoming.url ?? "/"}`), { headers });
}

function connect(ws: WebSocket, socket: Duplex, events: SocketEvents): void {
  let isPingOpen = false;
  const edgeSocket: EdgeSocket = {
    send(messages) {
      // Complete frames between complete frames: the connection's own writer never notices.
      if (ws.readyState === ws.OPEN) socket.write(messages.wire());
    },
    bufferedBytes: () => socket.writableLength,
    ping() {
      if (ws.readyState !== ws.OPEN) return true;
      if (isPingOpen) return false;
      isPingOpen = true;
      ws.ping();
      return true;
    },
    close: (code, reason) => ws.close(code, reason),
    terminate: () => ws.terminate(),
  };
  ws.on("pong", () => isPingOpen = false);
  if (events.onMessage !== undefined) {
    const { onMessage } = events;
    ws.on("message", (data: Buffer, isBinary) => onMessage(isBinary ? data : data.toString()));
  }
  // What is wrong ends the connection, and its end is heard.
  ws.on("error", () => undefined);
  ws.on("close", events.onClose);
  events.onOpen(edgeSocket);
}

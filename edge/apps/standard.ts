/**
 * Microapps' HTTP on standard requests and responses, WebSockets included.
 *
 * @module
 */
import { type HeaderPairs, MAX_SOCKET_MESSAGE_BYTES } from "../../core/contract/mod.ts";
import type { EdgeAdapter } from "../adapter.ts";
import { pathOf, queryOf } from "../url.ts";
import type { AppReply, AppRequest, Apps, Pieces } from "./apps.ts";
import type { Bridges } from "./bridge.ts";
import { describeClient } from "./client.ts";

/** What is needed of the edge around. */
export interface StandardDeps {
  readonly apps: Apps;
  readonly bridges: Bridges;
  readonly adapter: Pick<EdgeAdapter, "remoteAddress" | "acceptSocket">;
  /** The client's address, by the rules for trusted proxies. */
  readonly ipOf: (peer: string | null, headers: Headers) => string | null;
}

/** Returns what answers requests below `/apps`. */
export function createStandardApps(
  { apps, bridges, adapter, ipOf }: StandardDeps,
): (request: Request, env: unknown) => Promise<Response> {
  const requestOf = (request: Request, env: unknown): AppRequest => {
    const { url, method, headers, body, signal } = request;
    const peer = adapter.remoteAddress(env);
    const isTls = url.startsWith("https:");
    return {
      method,
      pathAndQuery: pathOf(url) + queryOf(url),
      headers: [...headers],
      client: describeClient({ peer, ip: ipOf(peer, headers), headers, isTls }),
      body: body === null ? null : piecesOf(body),
      signal,
    };
  };

  async function upgrade(request: Request, env: unknown): Promise<Response> {
    const connection = await apps.connect(requestOf(request, env));
    if (connection.kind === "refused") return responseOf(connection.reply);
    const { end, protocol } = connection;
    const accepted = adapter.acceptSocket?.(request, env, bridges.join(end), {
      protocol,
      maxMessageBytes: MAX_SOCKET_MESSAGE_BYTES,
    });
    if (accepted !== undefined) return accepted;
    end.cancel("exchange_lost");
    return new Response(null, { status: 426, headers: { upgrade: "websocket" } });
  }

  return async function answerApp(request, env) {
    const isHandshake = request.method === "GET" && adapter.acceptSocket !== undefined &&
      request.headers.get("upgrade")?.toLowerCase() === "websocket";
    if (isHandshake) return upgrade(request, env);
    return responseOf(await apps.answer(requestOf(request, env)));
  };
}

function piecesOf(body: ReadableStream<Uint8Array>): Pieces {
  const reader = body.getReader();
  return {
    async read() {
      const { done, value } = await reader.read();
      return done ? null : value;
    },
    cancel: () => void reader.cancel().catch(() => undefined),
  };
}

function responseOf({ status, headers: pairs, body }: AppReply): Response {
  const headers = headersOf(pairs);
  if (body === null || typeof body === "string") return new Response(body, { status, headers });
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const piece = await body.read();
      if (piece === null) controller.close();
      else controller.enqueue(piece);
    },
    cancel: () => body.cancel(),
  }, { highWaterMark: 0 });
  return new Response(stream, { status, headers });
}

function headersOf(pairs: HeaderPairs): Headers {
  const headers = new Headers();
  for (const [name, value] of pairs) headers.append(name, value);
  return headers;
}

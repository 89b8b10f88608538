/**
 * Microapps' HTTP on Node's own requests and responses, in pieces as they come.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { HeaderPairs } from "../core/contract/mod.ts";
import type { AppReply, AppRequest, Pieces } from "./apps/apps.ts";
import { describeClient } from "./apps/client.ts";
import type { Edge } from "./app.ts";

/** Answers a request below `/apps`; `drain` reads what a client still sends after its answer. */
export async function answerNodeApp(
  edge: Pick<Edge, "answerApp" | "ipOf">,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  drain: (incoming: IncomingMessage) => void,
): Promise<void> {
  const gone = new AbortController();
  outgoing.on("close", () => gone.abort());
  // The end of the connection is heard there.
  outgoing.on("error", () => undefined);
  const reply = await edge.answerApp(requestOf(edge, incoming, gone.signal));
  if (outgoing.destroyed) return letGo(reply);
  outgoing.writeHead(reply.status, flatHeaders(reply.headers));
  if (reply.body === null || typeof reply.body === "string") outgoing.end(reply.body ?? undefined);
  else await writeAll(reply.body, outgoing);
  if (!incoming.complete) drain(incoming);
}

function letGo({ body }: AppReply): void {
  if (typeof body === "object") body?.cancel();
}

function requestOf(
  edge: Pick<Edge, "ipOf">,
  incoming: IncomingMessage,
  signal: AbortSignal,
): AppRequest {
  const { method = "GET", url = "/", rawHeaders, socket } = incoming;
  const pairs: HeaderPairs = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    pairs.push([rawHeaders[i] ?? "", rawHeaders[i + 1] ?? ""]);
  }
  const headers = {
    get: (name: string): string | null => [incoming.headers[name]].flat()[0] ?? null,
  };
  const peer = socket.remoteAddress ?? null;
  const ip = edge.ipOf(peer, headers);
  return {
    method,
    pathAndQuery: url,
    headers: pairs,
    client: describeClient({ peer, ip, headers, isTls: "encrypted" in socket }),
    body: hasBody(incoming) ? piecesOf(incoming) : null,
    signal,
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

function piecesOf(incoming: IncomingMessage): Pieces {
  let isLetGo = false;
  let wake: (() => void) | undefined;
  const onChange = (): void => wake?.();
  for (const event of ["readable", "end", "error", "close"]) incoming.on(event, onChange);
  return {
    async read() {
      for (;;) {
        const chunk = incoming.read() as Buffer | null;
        if (chunk !== null) return chunk;
        if (incoming.readableEnded) return null;
        if (incoming.destroyed || isLetGo) throw new Error("Cannot read on: the client is gone");
        await new Promise<void>((resolve) => wake = resolve);
      }
    },
    cancel() {
      isLetGo = true;
      wake?.();
      for (const event of ["readable", "end", "close"]) incoming.off(event, onChange);
    },
  };
}

/** Names and values in turn, as Node takes headers of which one may be there several times. */
function flatHeaders(pairs: HeaderPairs): string[] {
  return pairs.flat();
}

async function writeAll(body: Pieces, outgoing: ServerResponse): Promise<void> {
  let wake: (() => void) | undefined;
  const onChange = (): void => wake?.();
  outgoing.on("drain", onChange);
  outgoing.on("close", onChange);
  // What begins an answer may be all of it for a while.
  outgoing.flushHeaders();
  try {
    for (let piece = await body.read(); piece !== null; piece = await body.read()) {
      if (outgoing.destroyed) return body.cancel();
      if (outgoing.write(piece)) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (outgoing.destroyed) resolve();
      });
    }
    outgoing.end();
  } catch {
    // The only way to say that an answer is not whole.
    outgoing.destroy();
  }
}

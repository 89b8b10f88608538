/**
 * A provider's HTTP API on this machine: it records what it is asked and can refuse.
 *
 * @module
 */
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

/** A request as it came. */
export interface PeerRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An answer; `null` cuts the connection. */
export type PeerAnswer = {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
} | null;

/** A running provider. */
export interface HttpPeer extends AsyncDisposable {
  readonly url: string;
  readonly requests: PeerRequest[];
}

/** Starts a provider that answers with what `answer` says; texts and bytes go as they are, all else as JSON. */
export async function openHttpPeer(
  answer: (request: PeerRequest) => PeerAnswer | Promise<PeerAnswer>,
): Promise<HttpPeer> {
  const requests: PeerRequest[] = [];
  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    const request = {
      method: incoming.method ?? "",
      path: incoming.url ?? "",
      headers: incoming.headers,
      body: Buffer.concat(chunks).toString(),
    };
    requests.push(request);
    const reply = await answer(request);
    if (reply === null) return void incoming.socket.destroy();
    const isRaw = typeof reply.body === "string" || reply.body instanceof Uint8Array;
    response.writeHead(reply.status ?? 200, {
      ...(isRaw ? {} : { "content-type": "application/json" }),
      ...reply.headers,
    });
    response.end(isRaw ? reply.body : JSON.stringify(reply.body));
  };
  const server = createServer((incoming, response) => void serve(incoming, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

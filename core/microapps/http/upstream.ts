/**
 * One request to a microapp's HTTP server, in pieces as they come.
 *
 * @module
 */
import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { CodedError, type HeaderPairs, messageOf } from "../../contract/mod.ts";
import type { ServerAddress } from "./address.ts";
import { recordOf } from "./header_pairs.ts";

/** What is asked of a server. */
export interface UpstreamRequest {
  readonly address: ServerAddress;
  readonly method: string;
  readonly target: string;
  readonly headers: HeaderPairs;
  readonly hasBody: boolean;
  /** Ends it, whatever is under way. */
  readonly signal: AbortSignal;
}

/** A request under way. */
export interface Upstream {
  readonly outgoing: ClientRequest;
  /** Rejects with `microapp_bad_answer` when there will be none. */
  readonly response: Promise<IncomingMessage>;
}

/** Keeps connections for requests without a body, which can be sent again when one has just closed. */
export interface Upstreams extends Disposable {
  readonly start: (request: UpstreamRequest) => Upstream;
}

/** Idle connections close before a server's usual five seconds. */
const IDLE_MS = 4_000;
const MAX_IDLE = 32;

/** Opens the connections of one core. */
export function openUpstreams(): Upstreams {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: MAX_IDLE, timeout: IDLE_MS });

  function send(request: UpstreamRequest, reuse: boolean): ClientRequest {
    const { address: { host, port }, method, target, headers, hasBody, signal } = request;
    const outgoing = httpRequest({
      host,
      port,
      method,
      path: target,
      agent: reuse ? agent : false,
      // A server that is told of a last request hangs up on a body that it does not want to hear to its
      // end, and what it had answered may be lost.
      headers: { ...recordOf(headers), connection: "keep-alive" },
      setHost: false,
    });
    // Not as an option: that would be the socket's, too, which serves others later.
    const drop = (): void => void outgoing.destroy();
    signal.addEventListener("abort", drop, { once: true });
    outgoing.on("close", () => signal.removeEventListener("abort", drop));
    if (signal.aborted) drop();
    outgoing.setNoDelay(true);
    if (hasBody) outgoing.flushHeaders();
    else outgoing.end();
    return outgoing;
  }

  function responseOf(outgoing: ClientRequest): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      outgoing.on("response", (response) => {
        // It may break off while nobody reads; whoever reads hears of it.
        response.on("error", () => undefined);
        resolve(response);
      });
      outgoing.on("error", reject);
      outgoing.on("close", () => reject(new Error("the connection closed without an answer")));
    });
  }

  return {
    start(request) {
      const outgoing = send(request, !request.hasBody);
      const response = responseOf(outgoing)
        .catch((error: unknown) => {
          if (!outgoing.reusedSocket || request.signal.aborted) throw error;
          return responseOf(send(request, false));
        })
        .catch((cause: unknown) => {
          const message = `Cannot reach the microapp's HTTP server: ${messageOf(cause)}`;
          throw new CodedError("microapp_bad_answer", message, { cause });
        });
      return { outgoing, response };
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

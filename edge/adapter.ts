/**
 * What the edge needs of its runtime.
 *
 * @module
 */
import type { CreateMac } from "../core/signing/mac.ts";
import type { HeaderReader } from "../core/signing/headers.ts";
import type { Deadline } from "./deadline.ts";
import type { AcceptOptions, SocketEvents } from "./sockets.ts";

/** How reading a body ended. `aborted` means the client went away. */
export type BodyRead =
  | { readonly kind: "body"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "too_large" | "timeout" | "aborted" };

/** What is looked at of a request before its body; a standard request is one. */
export interface RequestHead {
  readonly method: string;
  /** Absolute, or from its path on; the query as it was sent. */
  readonly url: string;
  readonly headers: HeaderReader;
}

/** The runtime's part. `env` is what its server hands to the app beside the request. */
export interface EdgeAdapter {
  /** The address of the socket's other end, or null where there is none. */
  readonly remoteAddress: (env: unknown) => string | null;
  /** Reads at most `capBytes`, and no longer than the deadline. */
  readonly readBody: (
    request: RequestHead,
    env: unknown,
    capBytes: number,
    deadline: Deadline,
  ) => Promise<BodyRead>;
  /**
   * Takes a WebSocket handshake; its response is what the route returns. Undefined when the request is
   * none. Without it, the runtime has no WebSockets.
   */
  readonly acceptSocket?:
    | ((
      request: Request,
      env: unknown,
      events: SocketEvents,
      options?: AcceptOptions,
    ) => Response | undefined)
    | undefined;
  /** An HMAC quicker than WebCrypto's, if the runtime has one. */
  readonly createMac?: CreateMac | undefined;
}

/** Reads the body of a standard request, for runtimes without a quicker way. */
export async function readRequestBody(
  request: Pick<Request, "body">,
  capBytes: number,
  deadline: Deadline,
): Promise<BodyRead> {
  if (request.body === null) return { kind: "body", bytes: new Uint8Array(0) };
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  deadline.onExpire(() => void reader.cancel().catch(() => undefined));
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (deadline.expired) return { kind: "timeout" };
      if (done) return { kind: "body", bytes: joined(chunks, length) };
      length += value.length;
      if (length > capBytes) {
        void reader.cancel().catch(() => undefined);
        return { kind: "too_large" };
      }
      chunks.push(value);
    }
  } catch {
    return { kind: deadline.expired ? "timeout" : "aborted" };
  } finally {
    deadline.onExpire(undefined);
  }
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/**
 * Works through an HTTP exchange: the client's request to the microapp's server, its answer back.
 *
 * @module
 */
import { once } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";
import type { ExchangeEnd } from "../../bus/exchanges/end.ts";
import {
  answerHeadersFor,
  CodedError,
  type ExchangeRequest,
  type HeaderPairs,
  messageOf,
} from "../../contract/mod.ts";
import { pairsOf } from "./header_pairs.ts";
import type { RoutableServer } from "./servers.ts";
import type { Upstreams } from "./upstream.ts";

/** Times of an exchange, in milliseconds. */
export interface ExchangeTimes {
  /** From the last byte of the request until the answer begins. */
  readonly headMs: number;
  /** Without a byte in either direction, once the answer has begun or while a body comes in. */
  readonly idleMs: number;
}

/** The times that apply unless a test says otherwise. */
export const EXCHANGE_TIMES: ExchangeTimes = { headMs: 60_000, idleMs: 300_000 };

/** What an exchange is worked through with. */
export interface AnswerDeps {
  readonly id: string;
  readonly server: RoutableServer;
  readonly request: ExchangeRequest;
  /** What the server is sent as headers. */
  readonly headers: HeaderPairs;
  readonly times: ExchangeTimes;
}

/**
 * Works through an exchange; resolves when both directions have ended.
 *
 * @throws {CodedError} `microapp_bad_answer`, `microapp_timeout`, `invalid_params`; or what the
 * exchange was cancelled with
 */
export async function answerHttp(
  end: ExchangeEnd,
  deps: AnswerDeps & { readonly upstreams: Upstreams },
): Promise<void> {
  const { id, server, request, headers, times } = deps;
  const stop = new AbortController();
  const follow = (): void => stop.abort(end.signal.reason);
  end.signal.addEventListener("abort", follow, { once: true });
  if (end.signal.aborted) follow();
  const watch = createIdleWatch((limitMs) =>
    stop.abort(new CodedError("microapp_timeout", `Cannot go on: nothing came in ${limitMs} ms`))
  );
  const { outgoing, response } = deps.upstreams.start({
    address: server.address,
    method: request.method,
    target: request.target,
    headers,
    hasBody: request.has_body,
    signal: stop.signal,
  });
  try {
    watch.within(request.has_body ? times.idleMs : times.headMs);
    const uploaded = upload(end, outgoing, {
      lengthBytes: request.has_body ? lengthOf(headers) : 0,
      onBytes: () => watch.within(times.idleMs),
      onEnd: () => watch.within(times.headMs),
    });
    // It may fail while the answer goes on; whoever waits for it hears of it below.
    uploaded.catch((error: unknown) => stop.abort(error));
    const came = await response;
    watch.within(times.idleMs);
    end.sendHead({
      status: statusOf(came),
      headers: answerHeadersFor(pairsOf(came), { id, origins: server.address.origins }),
    });
    await download(came, end, () => watch.within(times.idleMs));
    end.end();
    await uploaded;
  } catch (error) {
    if (end.signal.aborted) throw end.signal.reason;
    if (stop.signal.aborted) throw stop.signal.reason;
    server.suspect();
    stop.abort();
    throw error;
  } finally {
    watch.stop();
    end.signal.removeEventListener("abort", follow);
  }
}

/** The length that the headers promise; undefined when they promise none. */
function lengthOf(headers: HeaderPairs): number | undefined {
  const told = headers.find(([name]) => name === "content-length")?.[1];
  return told === undefined ? undefined : Number(told);
}

/** Interim answers never come here. */
function statusOf({ statusCode = 0 }: IncomingMessage): number {
  if (statusCode >= 200 && statusCode <= 599) return statusCode;
  throw new CodedError("microapp_bad_answer", `Cannot pass status ${statusCode} on`);
}

async function upload(
  end: ExchangeEnd,
  outgoing: ClientRequest,
  { lengthBytes, onBytes, onEnd }: {
    lengthBytes: number | undefined;
    onBytes: () => void;
    onEnd: () => void;
  },
): Promise<void> {
  let written = 0;
  for (;;) {
    const frame = await end.next();
    if (frame.kind === "head") throw malformed("it sent a second head");
    if (frame.kind === "end") break;
    written += frame.bytes.length;
    // The rest would be read as the next request on this connection.
    if (lengthBytes !== undefined && written > lengthBytes) throw malformed("its body is too long");
    onBytes();
    // The server may answer, and hang up, before it has read everything.
    if (outgoing.destroyed) continue;
    if (!outgoing.write(frame.bytes)) await writable(outgoing);
  }
  if (lengthBytes !== undefined && written < lengthBytes) throw malformed("its body is too short");
  onEnd();
  if (!outgoing.writableEnded) outgoing.end();
}

async function writable(outgoing: ClientRequest): Promise<void> {
  const settled = new AbortController();
  const { signal } = settled;
  await Promise.race([
    once(outgoing, "drain", { signal }),
    once(outgoing, "close", { signal }),
  ]).catch(() => undefined);
  settled.abort();
}

async function download(
  came: IncomingMessage,
  end: ExchangeEnd,
  onBytes: () => void,
): Promise<void> {
  try {
    for await (const chunk of came) {
      onBytes();
      await end.write(chunk as Buffer);
    }
  } catch (error) {
    if (error instanceof CodedError) throw error;
    const message = `Cannot pass the answer on: ${messageOf(error)}`;
    throw new CodedError("microapp_bad_answer", message, { cause: error });
  }
}

function malformed(state: string): CodedError {
  return new CodedError("invalid_params", `Cannot pass the request on: ${state}`);
}

/** A limit that begins anew with each sign of life. */
function createIdleWatch(onIdle: (limitMs: number) => void) {
  let timer: NodeJS.Timeout | undefined;
  let currentMs: number | undefined;
  return {
    within(limitMs: number): void {
      if (timer !== undefined && currentMs === limitMs) return void timer.refresh();
      clearTimeout(timer);
      currentMs = limitMs;
      timer = setTimeout(() => onIdle(limitMs), limitMs);
    },
    stop: () => clearTimeout(timer),
  };
}

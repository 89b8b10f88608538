/**
 * Microapps' HTTP below `/apps/<id>/`: each request an exchange with core, in pieces as they come.
 *
 * @module
 */
import type { ExchangeClient } from "../../core/bus/exchanges/client.ts";
import type { ExchangeEnd } from "../../core/bus/exchanges/end.ts";
import {
  appPlaceOf,
  CodedError,
  codeOf,
  ERROR_CODES,
  type ErrorCode,
  type ExchangeHead,
  type ExchangeRequest,
  type HeaderPairs,
} from "../../core/contract/mod.ts";
import type { Log } from "../../core/flow/log.ts";
import { pairsOf, type Problem, problemReply, type Reply, statusOf } from "../reply.ts";
import { isNavigation, waitingPage } from "./waiting_page.ts";

/** A body in pieces; one call at a time. */
export interface Pieces {
  /** The next piece, or null at the end. Rejects when it broke off, or was let go of. */
  readonly read: () => Promise<Uint8Array | null>;
  /** Lets go of what is still to come. */
  readonly cancel: () => void;
}

/** A client's request, whatever runtime it came to. */
export interface AppRequest {
  readonly method: string;
  /** From `/apps` on, as it was written, with the query. */
  readonly pathAndQuery: string;
  readonly headers: HeaderPairs;
  readonly client: ExchangeRequest["client"];
  /** Null without one. */
  readonly body: Pieces | null;
  /** Aborts when the client is gone, and may abort when all is done. */
  readonly signal: AbortSignal;
}

/** What the client is to get. */
export interface AppReply {
  readonly status: number;
  readonly headers: HeaderPairs;
  readonly body: string | Pieces | null;
}

/** What a WebSocket handshake leads to: an exchange to bridge, or a refusal. */
export type AppConnection =
  | { readonly kind: "open"; readonly end: ExchangeEnd; readonly protocol: string | null }
  | { readonly kind: "refused"; readonly reply: AppReply };

/** Microapps' HTTP at an edge. */
export interface Apps {
  /** Never rejects. */
  readonly answer: (request: AppRequest) => Promise<AppReply>;
  /** Never rejects. */
  readonly connect: (request: AppRequest) => Promise<AppConnection>;
  /** Ends answers that would never end by themselves. */
  readonly close: () => void;
}

/** What they need. */
export interface AppsDeps {
  /** Undefined for an edge without a core. */
  readonly exchanges: ExchangeClient | undefined;
  readonly uuid: () => string;
  readonly log: Log;
}

const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304]);
const EVENT_STREAM = /^text\/event-stream\b/i;

/** Builds them. */
export function createApps({ exchanges, uuid, log }: AppsDeps): Apps {
  /** Answers without an end of their own. */
  const endless = new Set<ExchangeEnd>();
  let isClosed = false;

  /** Begins an exchange and waits for the beginning of its answer. */
  async function begin(
    kind: ExchangeRequest["kind"],
    request: AppRequest,
    requestId: string,
  ): Promise<{ end: ExchangeEnd; head: ExchangeHead } | AppReply> {
    const place = appPlaceOf(request.pathAndQuery);
    switch (place.kind) {
      case "nothing":
        return refusal({ status: 404, code: "not_found", message: "Nothing is here" }, requestId);
      case "unsafe": {
        const message = "This path can be read in several ways";
        return refusal({ status: 400, code: "path_invalid", message }, requestId);
      }
      case "bare": {
        const headers: HeaderPairs = [["location", place.location], ["x-request-id", requestId]];
        return { status: 308, headers, body: null };
      }
      case "app":
        break;
    }
    try {
      const end = await open(place.id, {
        kind,
        method: request.method,
        target: place.target,
        headers: request.headers,
        has_body: request.body !== null,
        client: request.client,
        request_id: requestId,
      });
      const leave = (): void => end.cancel("exchange_lost");
      request.signal.addEventListener("abort", leave, { once: true });
      if (request.signal.aborted) leave();
      if (kind === "http") void upload(request.body, end);
      const head = await headOf(end);
      // A WebSocket tells by itself when it closes; its request is over before that.
      if (kind === "socket") request.signal.removeEventListener("abort", leave);
      return { end, head };
    } catch (error) {
      request.body?.cancel();
      const code = codeOf(error);
      const level = code === "not_found" || code === "token_invalid" ? "debug" : "warn";
      log[level]("app.refused", { requestId, microapp: place.id, code, error });
      return ERROR_CODES[code].retry && isNavigation(request)
        ? inPairs(waitingPage(statusOf(code), requestId))
        : refusalFor(code, requestId);
    }
  }

  function open(id: string, request: ExchangeRequest): Promise<ExchangeEnd> {
    if (exchanges !== undefined) return exchanges.open(id, request);
    throw new CodedError("bus_no_responder", `Cannot open "${id}": this edge has no core`);
  }

  return {
    async answer(request) {
      const requestId = uuid();
      const begun = await begin("http", request, requestId);
      if (!("end" in begun)) return begun;
      const { end, head: { status, headers } } = begun;
      const shown: HeaderPairs = [...headers, ["x-request-id", requestId]];
      const isEndless = headers.some(([name, value]) =>
        name === "content-type" && EVENT_STREAM.test(value)
      );
      const pieces = isEndless ? untilClosed(download(end), end) : download(end);
      if (request.method !== "HEAD" && !NO_BODY.has(status)) {
        return { status, headers: shown, body: pieces };
      }
      void exhaust(pieces);
      return { status, headers: shown, body: null };
    },
    async connect(request) {
      const requestId = uuid();
      const begun = await begin("socket", request, requestId);
      if (!("end" in begun)) return { kind: "refused", reply: begun };
      const { end, head: { status, headers, protocol } } = begun;
      if (status === 101) return { kind: "open", end, protocol: protocol || null };
      end.end();
      const shown: HeaderPairs = [...headers, ["x-request-id", requestId]];
      return { kind: "refused", reply: { status, headers: shown, body: download(end) } };
    },
    close() {
      isClosed = true;
      for (const end of endless) end.cancel("exchange_lost");
    },
  };

  /** Ends well when the edge closes, so that clients come back to another. */
  function untilClosed(pieces: Pieces, end: ExchangeEnd): Pieces {
    endless.add(end);
    end.signal.addEventListener("abort", () => endless.delete(end), { once: true });
    return {
      async read() {
        try {
          const piece = await pieces.read();
          if (piece === null) endless.delete(end);
          return piece;
        } catch (error) {
          if (isClosed) return null;
          throw error;
        }
      },
      cancel: pieces.cancel,
    };
  }
}

async function headOf(end: ExchangeEnd): Promise<ExchangeHead> {
  const frame = await end.next();
  if (frame.kind === "head") return frame.head;
  end.cancel("exchange_invalid");
  throw new CodedError("exchange_invalid", "Cannot answer: the answer has no head");
}

/** Passes the client's body on. Its failures end the exchange, where they are heard. */
async function upload(body: Pieces | null, end: ExchangeEnd): Promise<void> {
  const letGo = (): void => body?.cancel();
  end.signal.addEventListener("abort", letGo, { once: true });
  try {
    for (let piece = await body?.read(); piece != null; piece = await body?.read()) {
      await end.write(piece);
    }
    end.end();
  } catch {
    end.cancel("exchange_lost");
  } finally {
    end.signal.removeEventListener("abort", letGo);
  }
}

function download(end: ExchangeEnd): Pieces {
  return {
    async read() {
      const frame = await end.next();
      if (frame.kind === "data") return frame.bytes;
      // The answer is whole, whether or not somebody wanted to hear all of the request.
      end.cancel("exchange_lost");
      if (frame.kind === "end") return null;
      throw new CodedError("exchange_invalid", "Cannot go on: a second head came");
    },
    cancel: () => end.cancel("exchange_lost"),
  };
}

async function exhaust(pieces: Pieces): Promise<void> {
  try {
    while (await pieces.read() !== null);
  } catch {
    // Nobody waits for this body, nor for what became of it.
  }
}

function refusalFor(code: ErrorCode, requestId: string): AppReply {
  const status = statusOf(code);
  const { says: message } = ERROR_CODES[code];
  return refusal({
    status,
    code,
    message,
    ...(status === 503 ? { retryAfterSecs: 1 } : {}),
    ...(status === 401 ? { headers: { "www-authenticate": "Bearer" } } : {}),
  }, requestId);
}

function refusal(problem: Problem, requestId: string): AppReply {
  return inPairs(problemReply(problem, requestId));
}

function inPairs(reply: Reply): AppReply {
  return { status: reply.status, headers: pairsOf(reply), body: reply.body };
}

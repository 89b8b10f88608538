/**
 * The firehose's routes: who may come in, and from where they are told.
 *
 * @module
 */
import type { Context, Hono } from "hono";
import type { Bus } from "../../core/bus/bus.ts";
import {
  type Clock,
  CodedError,
  codeOf,
  type EdgeAuth,
  ERROR_CODES,
  eventScopeOf,
  messageOf,
  type TokenClaims,
} from "../../core/contract/mod.ts";
import type { Log } from "../../core/flow/log.ts";
import type { EdgeAdapter } from "../adapter.ts";
import { jsonResponse, problemResponse, statusOf } from "../reply.ts";
import { type AccessDeps, createAccess } from "./access.ts";
import { CUTS } from "./client.ts";
import { createHub, type FirehoseLimits, type Place } from "./hub.ts";
import { watchingOf } from "./presence.ts";
import { readQuery } from "./query.ts";
import { sseResponse } from "./sse.ts";
import type { SeatLimits } from "./seats.ts";
import { countCode, createTally, type Tally } from "./tally.ts";
import { createTokenVerifier } from "./verify.ts";

/** Settings of an edge's firehose. */
export interface FirehoseOptions {
  readonly limits?: FirehoseLimits | undefined;
}

/** What the firehose needs. */
export interface FirehoseDeps extends FirehoseOptions {
  readonly bus: Pick<Bus, "request" | "subscribe" | "publish">;
  readonly now: Clock;
  readonly uuid: () => string;
  readonly log: Log;
  readonly adapter: Pick<EdgeAdapter, "acceptSocket">;
  /** The token behind a session cookie. */
  readonly cookieToken?: AccessDeps["cookieToken"];
}

/** The firehose of one edge. */
export interface Firehose {
  /** Adds `GET /firehose`, `GET /firehose/sse` and `POST /session`. */
  readonly mount: (app: Hono) => void;
  /** Answers a WebSocket handshake, wherever it was routed. */
  readonly answerSocket: (c: Context) => Promise<Response> | Response;
  /** What a token says, if it is good now. @throws {CodedError} as `tokenOf` of a request that carries it */
  readonly claimsOf: (token: string) => Promise<TokenClaims>;
  /** Puts keys and revocations in force, also for those who are connected. */
  readonly applyAuth: (auth: EdgeAuth) => void;
  /** Puts bounds in force for clients to come. */
  readonly limit: (limits: SeatLimits) => void;
  /** What it has done so far. */
  readonly tally: Readonly<Tally>;
  /** Clients connected. */
  readonly clients: () => number;
  /** Ends every connection with a cursor to resume from. */
  readonly close: () => Promise<void>;
}

/** Builds the firehose; it refuses everybody until {@linkcode Firehose.applyAuth} gave it a key. */
export function createFirehose(deps: FirehoseDeps): Firehose {
  const { bus, now, uuid, log, adapter, cookieToken, limits = {} } = deps;
  const verifier = createTokenVerifier({ now });
  const access = createAccess({ bus, cookieToken });
  const tally = createTally();
  const hub = createHub({ bus, now, uuid, log, limits, tally });

  /** Everything that can refuse a client happens before its connection is accepted. */
  async function admit(request: Request): Promise<Place> {
    const token = await access.tokenOf(request);
    const { claims: { jti, exp, ...claims }, kid } = await verifier.verify(token);
    const scope = eventScopeOf(claims);
    const lastEventId = request.headers.get("last-event-id");
    const { presence, ...wanted } = readQuery(new URL(request.url).searchParams, lastEventId);
    const watching = presence ? watchingOf(scope, wanted.filter) : undefined;
    const bearer = { token, subject: claims.sub, jti, kid, expiresAtMs: exp * 1000 };
    return hub.hold({ scope, bearer, watching, ...wanted });
  }

  async function answer(c: Context, work: () => Promise<Response>): Promise<Response> {
    try {
      return await work();
    } catch (error) {
      return refused(error, c.req.path);
    }
  }

  function refused(error: unknown, path: string): Response {
    const requestId = uuid();
    const code = codeOf(error);
    const { says, retry } = ERROR_CODES[code];
    countCode(tally.refusals, code);
    log.debug("firehose.refused", { requestId, path, code, error: messageOf(error) });
    return problemResponse({
      status: statusOf(code),
      code,
      // What a caller can mend is said in full; of our own defects little is.
      message: error instanceof CodedError ? error.message : says,
      retryAfterSecs: retry ? 5 : undefined,
      headers: code === "token_invalid" ? { "www-authenticate": "Bearer" } : undefined,
    }, requestId);
  }

  function socketOf(c: Context, place: Place): Response {
    const response = adapter.acceptSocket?.(c.req.raw, c.env, {
      onOpen: (socket) => hub.enter(place, socket),
      onClose: () => hub.leave(place),
    });
    if (response !== undefined) return response;
    hub.leave(place);
    return upgradeRequired();
  }

  function upgradeRequired(): Response {
    const headers = { upgrade: "websocket", connection: "upgrade" };
    const message = "This is a WebSocket; for server-sent events ask /firehose/sse";
    return problemResponse({ status: 426, code: "upgrade_required", message, headers }, uuid());
  }

  function answerSocket(c: Context): Promise<Response> | Response {
    if (c.req.header("upgrade")?.toLowerCase() !== "websocket") return upgradeRequired();
    return answer(c, async () => socketOf(c, await admit(c.req.raw)));
  }

  return {
    answerSocket,
    claimsOf: async (token) => (await verifier.verify(token)).claims,
    mount(app) {
      app.get("/firehose", answerSocket);
      app.get("/firehose/sse", (c) =>
        answer(c, async () => {
          // Asked for its head only, a stream would have nobody to end it.
          if (c.req.raw.method !== "GET") return new Response(null, { status: 405 });
          const place = await admit(c.req.raw);
          return sseResponse({
            onOpen: (outlet) => hub.enter(place, outlet),
            onEnd: () => hub.leave(place),
          });
        }));
      app.post("/session", (c) =>
        answer(c, async () => {
          const token = await access.tokenOf(c.req.raw);
          await verifier.verify(token);
          const ticket = await access.ticketFor(token);
          return jsonResponse(JSON.stringify(ticket), { status: 201, requestId: uuid() });
        }));
    },
    applyAuth(auth) {
      verifier.update(auth);
      hub.cutWhere((bearer) => verifier.stands(bearer) ? undefined : CUTS.refused);
    },
    limit: hub.limit,
    tally,
    clients: hub.size,
    close: hub.close,
  };
}

/**
 * The gates a webhook passes, in order, until it is on disk and the sender hears so.
 *
 * @module
 */
import type { Bus } from "../../core/bus/bus.ts";
import { type Clock, codeOf, type EdgeSource, type Handoff } from "../../core/contract/mod.ts";
import type { Log } from "../../core/flow/log.ts";
import type { Soon } from "../../core/signing/at_once.ts";
import type { Bytes } from "../../core/signing/bytes.ts";
import type { EdgeAdapter, RequestHead } from "../adapter.ts";
import { type Deadline, type StartDeadline, within } from "../deadline.ts";
import { type Problem, problemReply, type Reply } from "../reply.ts";
import { queryOf } from "../url.ts";
import type { Answer } from "./answers.ts";
import type { Client } from "./client_ip.ts";
import { HANDSHAKE_HEADERS } from "./handshake.ts";
import { bodyOf } from "./payload.ts";
import type { LiveSource, SourceTable } from "./sources.ts";

/** What receiving needs. */
export interface ReceiveDeps {
  readonly bus: Pick<Bus, "publishDurable">;
  readonly now: Clock;
  readonly uuid: () => string;
  readonly log: Log;
  readonly adapter: EdgeAdapter;
  readonly startDeadline: StartDeadline;
  /** Hears of each request that was refused, for operators to look at. */
  readonly onRefused?: ((refused: RefusedWebhook) => void) | undefined;
  /** Hears what each request was answered. */
  readonly onAnswered?: ((source: EdgeSource, status: number) => void) | undefined;
}

/** A refused request without anything the sender wrote. */
export interface RefusedWebhook {
  readonly source_id: string;
  readonly status: number;
  /** What the sender was told, and the check it failed. */
  readonly code: string;
  readonly reason: string;
  readonly client_ip: string | null;
  readonly request_id: string;
  readonly at_ms: number;
}

/** Takes one request at a source's path; never rejects. */
export type Receive = (
  live: LiveSource,
  table: SourceTable,
  request: RequestHead,
  env: unknown,
) => Promise<Reply>;

/** Why a request is refused: what the sender hears, and what the log says beside it. */
interface Refusal {
  readonly problem: Problem;
  readonly reason: string;
}

/** A request at a source's path. */
interface Arrival {
  readonly live: LiveSource;
  readonly request: RequestHead;
  readonly env: unknown;
  readonly client: Client;
  /** The request's id becomes its envelope's, so that log and record tell of the same. */
  readonly requestId: string;
}

const BUSY_SECS = 1;
const DOWN_SECS = 5;
/** What providers send unsigned is short. */
const MAX_UNSIGNED_BYTES = 1024;

const problems = {
  method: {
    status: 405,
    code: "method_not_allowed",
    message: "Only POST is answered here",
    headers: { allow: "POST" },
  },
  handshake: {
    status: 403,
    code: "handshake_refused",
    message: "The handshake could not be verified",
  },
  disabled: {
    status: 503,
    code: "source_disabled",
    message: "This source takes no events now",
    retryAfterSecs: 60,
  },
  busy: {
    status: 503,
    code: "busy",
    message: "Too many requests under way",
    retryAfterSecs: BUSY_SECS,
  },
  down: {
    status: 503,
    code: "unavailable",
    message: "The event could not be kept",
    retryAfterSecs: DOWN_SECS,
  },
  tooLarge: { status: 413, code: "body_too_large", message: "The body is too large" },
  tooSlow: { status: 408, code: "request_timeout", message: "The body did not arrive in time" },
  aborted: { status: 400, code: "body_incomplete", message: "The body did not arrive whole" },
  unsigned: { status: 401, code: "unauthorized", message: "The request could not be verified" },
  noKind: { status: 422, code: "event_kind_missing", message: "The event has no readable kind" },
  internal: { status: 500, code: "internal", message: "The request could not be handled" },
} as const satisfies Record<string, Problem>;

/**
 * Returns a {@linkcode Receive}: method, source, requests under way, rate, body, signature, source
 * rate, kind, hand-off. The cheap gates come first; the body is read only after them.
 */
export function createReceive(deps: ReceiveDeps): Receive {
  const { bus, now, uuid, log, adapter, startDeadline, onRefused, onAnswered } = deps;

  return async function receive(live, table, request, env) {
    const requestId = uuid();
    const client = table.clientOf(adapter.remoteAddress(env), request.headers);
    const arrival: Arrival = { live, request, env, client, requestId };
    let reply: Reply;
    try {
      const result = await admit(arrival);
      reply = "problem" in result ? refuse(arrival, result) : result;
    } catch (error) {
      log.error("webhook.failed", {
        requestId,
        source: live.source.id,
        code: codeOf(error),
        error,
      });
      reply = problemReply(problems.internal, requestId);
    }
    onAnswered?.(live.source, reply.status);
    return reply;
  };

  function refuse({ live, client, requestId }: Arrival, { problem, reason }: Refusal): Reply {
    const source = live.source.id;
    const { status, code } = problem;
    log.warn("webhook.refused", { requestId, source, status, reason, clientIp: client.ip });
    onRefused?.({
      source_id: source,
      status,
      code,
      reason,
      client_ip: client.ip,
      request_id: requestId,
      at_ms: now(),
    });
    return problemReply(problem, requestId);
  }

  /** The gates before anything is waited for. */
  function admit(arrival: Arrival): Soon<Reply | Refusal> {
    const { live, request, client } = arrival;
    const { source, load } = live;
    if (request.method !== "POST") return greet(arrival);
    if (!source.enabled || source.secret === null) {
      return refusal(problems.disabled, source.disabled_reason ?? "disabled");
    }
    if (!load.enter(client.key, live.concurrencyCap)) return refusal(problems.busy, "in_flight");
    return take(arrival, startDeadline(live.limitMs));
  }

  async function take(arrival: Arrival, deadline: Deadline): Promise<Reply | Refusal> {
    const { live, request, env, client } = arrival;
    try {
      const waitSecs = live.rate?.takeClient(client.key, now()) ?? 0;
      if (waitSecs > 0) return refusal(rateLimited(waitSecs), "client_rate");
      if (Number(request.headers.get("content-length") ?? 0) > live.bodyCapBytes) {
        return refusal(problems.tooLarge, "content_length");
      }
      const read = await adapter.readBody(request, env, live.bodyCapBytes, deadline);
      if (read.kind === "too_large") return refusal(problems.tooLarge, "body");
      if (read.kind === "timeout") return refusal(problems.tooSlow, "body");
      if (read.kind !== "body") return refusal(problems.aborted, read.kind);
      return await pass(arrival, deadline, read.bytes);
    } finally {
      deadline.clear();
      live.load.leave(client.key);
    }
  }

  async function pass(
    { live, request, client, requestId }: Arrival,
    deadline: Deadline,
    bytes: Bytes,
  ): Promise<Reply | Refusal> {
    const { headers } = request;
    const nowMs = now();
    const body = bodyOf(live.source.form, headers, bytes);
    const unsigned = bytes.length > MAX_UNSIGNED_BYTES ? undefined : live.answerUnsigned?.(body);
    if (unsigned !== undefined) return answered(unsigned, requestId);
    const signed = { headers, body: bytes, query: queryOf(request.url), nowMs };
    const verdict = await live.verify(signed);
    if (!verdict.ok) return refusal(problems.unsigned, verdict.reason);
    const waitSecs = live.rate?.takeSource(client.key, nowMs) ?? 0;
    if (waitSecs > 0) return refusal(rateLimited(waitSecs), "source_rate");

    const answer = live.answerOf?.(body);
    if (answer?.keep === false) return answered(answer, requestId);
    const handoffs = await live.handoffsOf({
      headers,
      bytes,
      body,
      timestamp: verdict.timestamp,
      clientIp: client.ip,
      receivedAtMs: nowMs,
      envelopeId: requestId,
      uuid,
    });
    if (handoffs === undefined) return refusal(problems.noKind, "event_kind");
    // A body may be without events, as some providers send to try an address.
    const refused = handoffs.length === 0 ? undefined : await handOver(deadline, handoffs);
    if (refused !== undefined) return refusal(problems.down, refused);
    return answer === undefined ? accepted(live, requestId) : answered(answer, requestId);
  }

  /**
   * The code of the first hand-off that is not on disk, or undefined when all are. Bus failures and
   * lateness count: nothing tells that the events are kept.
   */
  function handOver(
    deadline: Deadline,
    handoffs: readonly Handoff[],
  ): Promise<string | undefined> {
    return within(deadline, bus.publishDurable(handoffs)).then((outcomes) => {
      if (outcomes === undefined) return "bus_timeout";
      if (outcomes.length !== handoffs.length) return "internal";
      for (const outcome of outcomes) if (outcome.kind === "refused") return outcome.code;
      return undefined;
    }, codeOf);
  }

  /** What is no `POST`: a handshake, where the source has one. */
  function greet({ live, request, client, requestId }: Arrival): Reply | Refusal {
    const { source, handshake, rate } = live;
    const { method, url } = request;
    if (handshake === undefined || method !== "GET") return refusal(problems.method, method);
    if (!source.enabled) return refusal(problems.disabled, "disabled");
    const waitSecs = rate?.takeClient(client.key, now()) ?? 0;
    if (waitSecs > 0) return refusal(rateLimited(waitSecs), "client_rate");
    const body = handshake(queryOf(url));
    if (body === undefined) return refusal(problems.handshake, "handshake");
    log.info("webhook.handshake", { requestId, source: source.id });
    return { status: 200, headers: HANDSHAKE_HEADERS, requestId, body };
  }
}

function answered({ reply, body }: Answer, requestId: string): Reply {
  return { status: reply.status, headers: reply.headers, requestId, body };
}

function accepted({ source, acceptedHeaders }: LiveSource, requestId: string): Reply {
  const { status, body } = source.response;
  return { status, headers: acceptedHeaders, requestId, body };
}

function rateLimited(retryAfterSecs: number): Problem {
  return { status: 429, code: "rate_limited", message: "Too many requests", retryAfterSecs };
}

function refusal(problem: Problem, reason: string): Refusal {
  return { problem, reason };
}

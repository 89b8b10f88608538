/**
 * The gates a webhook passes, in order, until it is on disk and the sender hears so.
 *
 * @module
 */
import type { Bus } from "../../core/bus/bus.ts";
import { type Clock, codeOf, type Outcome } from "../../core/contract/mod.ts";
import type { Log } from "../../core/flow/log.ts";
import type { EdgeAdapter, RequestHead } from "../adapter.ts";
import { type Deadline, startDeadline, within } from "../deadline.ts";
import { type Problem, problemReply, type Reply } from "../reply.ts";
import { queryOf } from "../url.ts";
import type { Answer } from "./answers.ts";
import type { Client } from "./client_ip.ts";
import { HANDSHAKE_HEADERS } from "./handshake.ts";
import { readJson } from "./payload.ts";
import type { LiveSource, SourceTable } from "./sources.ts";

/** What receiving needs. */
export interface ReceiveDeps {
  readonly bus: Pick<Bus, "publishDurable">;
  readonly now: Clock;
  readonly uuid: () => string;
  readonly log: Log;
  readonly adapter: EdgeAdapter;
  /** Hears of each request that was refused, for operators to look at. */
  readonly onRefused?: ((refused: RefusedWebhook) => void) | undefined;
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

/** A request on its way through the gates. */
interface Passage {
  readonly live: LiveSource;
  readonly request: RequestHead;
  readonly env: unknown;
  readonly client: Client;
  readonly deadline: Deadline;
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
  const { bus, now, uuid, log, adapter, onRefused } = deps;

  return async function receive(live, table, request, env) {
    const requestId = uuid();
    const client = table.clientOf(adapter.remoteAddress(env), request.headers);
    try {
      const result = await admit(live, request, env, client, requestId);
      if (!("problem" in result)) return result;
      log.warn("webhook.refused", {
        requestId,
        source: live.source.id,
        status: result.problem.status,
        reason: result.reason,
        clientIp: client.ip,
      });
      onRefused?.({
        source_id: live.source.id,
        status: result.problem.status,
        code: result.problem.code,
        reason: result.reason,
        client_ip: client.ip,
        request_id: requestId,
        at_ms: now(),
      });
      return problemReply(result.problem, requestId);
    } catch (error) {
      log.error("webhook.failed", {
        requestId,
        source: live.source.id,
        code: codeOf(error),
        error,
      });
      return problemReply(problems.internal, requestId);
    }
  };

  async function admit(
    live: LiveSource,
    request: RequestHead,
    env: unknown,
    client: Client,
    requestId: string,
  ): Promise<Reply | Refusal> {
    const { source, load, rate } = live;
    if (request.method !== "POST") return greet(live, request, client, requestId);
    if (!source.enabled || source.secret === null) {
      return refusal(problems.disabled, source.disabled_reason ?? "disabled");
    }
    if (!load.enter(client.key, live.concurrencyCap)) return refusal(problems.busy, "in_flight");
    const deadline = startDeadline(live.limitMs);
    try {
      const waitSecs = rate?.takeClient(client.key, now()) ?? 0;
      if (waitSecs > 0) return refusal(rateLimited(waitSecs), "client_rate");
      return await take({ live, request, env, client, deadline, requestId });
    } finally {
      deadline.clear();
      load.leave(client.key);
    }
  }

  async function take(passage: Passage): Promise<Reply | Refusal> {
    const { live, request, env, client, deadline, requestId } = passage;
    const { headers } = request;
    if (Number(headers.get("content-length") ?? 0) > live.bodyCapBytes) {
      return refusal(problems.tooLarge, "content_length");
    }
    const read = await adapter.readBody(request, env, live.bodyCapBytes, deadline);
    if (read.kind === "too_large") return refusal(problems.tooLarge, "body");
    if (read.kind === "timeout") return refusal(problems.tooSlow, "body");
    if (read.kind !== "body") return refusal(problems.aborted, read.kind);

    const nowMs = now();
    const body = read.bytes;
    const query = queryOf(request.url);
    const unsigned = body.length > MAX_UNSIGNED_BYTES
      ? undefined
      : live.answerUnsigned?.(readJson(live.source.form, headers, body));
    if (unsigned !== undefined) return answered(unsigned, requestId);
    const verdict = await live.verify({ headers, body, query, nowMs });
    if (!verdict.ok) return refusal(problems.unsigned, verdict.reason);
    const waitSecs = live.rate?.takeSource(client.key, nowMs) ?? 0;
    if (waitSecs > 0) return refusal(rateLimited(waitSecs), "source_rate");

    const json = readJson(live.source.form, headers, body);
    const answer = live.answerOf?.(json);
    if (answer?.keep === false) return answered(answer, requestId);
    const handoffs = await live.handoffsOf({
      headers,
      body,
      json,
      timestamp: verdict.timestamp,
      clientIp: client.ip,
      receivedAtMs: nowMs,
      envelopeId: requestId,
      uuid,
    });
    if (handoffs === undefined) return refusal(problems.noKind, "event_kind");
    const refused = await handOver(deadline, handoffs.length, () => bus.publishDurable(handoffs));
    if (refused !== undefined) return refusal(problems.down, refused);
    return answer === undefined ? accepted(live, requestId) : answered(answer, requestId);
  }

  /** What is no `POST`: a handshake, where the source has one. */
  function greet(
    { source, handshake, rate }: LiveSource,
    { method, url }: RequestHead,
    client: Client,
    requestId: string,
  ): Reply | Refusal {
    if (handshake === undefined || method !== "GET") return refusal(problems.method, method);
    if (!source.enabled) return refusal(problems.disabled, "disabled");
    const waitSecs = rate?.takeClient(client.key, now()) ?? 0;
    if (waitSecs > 0) return refusal(rateLimited(waitSecs), "client_rate");
    const body = handshake(queryOf(url));
    if (body === undefined) return refusal(problems.handshake, "handshake");
    log.info("webhook.handshake", { requestId, source: source.id });
    return { status: 200, headers: { ...HANDSHAKE_HEADERS, "x-request-id": requestId }, body };
  }
}

/**
 * The code of the first hand-off that is not on disk, or undefined when all are. Bus failures and
 * lateness count: nothing tells that the events are kept.
 */
async function handOver(
  deadline: Deadline,
  count: number,
  publish: () => Promise<Outcome[]>,
): Promise<string | undefined> {
  // A body without events, as some providers send to try an address.
  if (count === 0) return undefined;
  try {
    const outcomes = await within(deadline, publish());
    if (outcomes === undefined) return "bus_timeout";
    if (outcomes.length !== count) return "internal";
    for (const outcome of outcomes) if (outcome.kind === "refused") return outcome.code;
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

function answered({ reply, body }: Answer, requestId: string): Reply {
  return { ...reply, headers: { ...reply.headers, "x-request-id": requestId }, body };
}

function accepted({ source, acceptedHeaders }: LiveSource, requestId: string): Reply {
  const { status, body } = source.response;
  return { status, headers: { ...acceptedHeaders, "x-request-id": requestId }, body };
}

function rateLimited(retryAfterSecs: number): Problem {
  return { status: 429, code: "rate_limited", message: "Too many requests", retryAfterSecs };
}

function refusal(problem: Problem, reason: string): Refusal {
  return { problem, reason };
}

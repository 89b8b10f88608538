/**
 * Responses: the headers each one carries, and errors that tell the caller little.
 *
 * @module
 */
import type { ErrorCode } from "../core/contract/mod.ts";

/** On every response that does not say otherwise. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

const JSON_HEADERS = { ...SECURITY_HEADERS, "content-type": "application/json" };

/** What went wrong, as the caller may know it. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** Seconds until trying again makes sense. */
  readonly retryAfterSecs?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Headers as they are written: lower-case names, each followed by its value. */
export type HeaderList = readonly string[];

/** An answer before it becomes a runtime's own object, which costs a webhook more than its gates. */
export interface Reply {
  readonly status: number;
  /** Made once for many replies; `x-request-id` is not among them. */
  readonly headers: HeaderList;
  readonly requestId: string;
  readonly body: string | null;
}

/** Headers of a reply. */
export function listOf(headers: Readonly<Record<string, string>>): HeaderList {
  return Object.entries(headers).flat();
}

/** All headers of a reply, for runtimes that take a list. */
export function wholeList({ headers, requestId }: Reply): string[] {
  return [...headers, "x-request-id", requestId];
}

/** All headers of a reply in pairs. */
export function pairsOf(reply: Reply): [name: string, value: string][] {
  const list = wholeList(reply);
  const pairs: [string, string][] = [];
  for (let i = 0; i < list.length; i += 2) pairs.push([list[i] ?? "", list[i + 1] ?? ""]);
  return pairs;
}

/** `{"error":{"code","message","request_id"}}`. */
export function problemReply(problem: Problem, requestId: string): Reply {
  const { status, code, message, retryAfterSecs, headers } = problem;
  return {
    status,
    headers: listOf({
      ...JSON_HEADERS,
      ...headers,
      ...(retryAfterSecs === undefined ? {} : { "retry-after": String(retryAfterSecs) }),
    }),
    requestId,
    body: JSON.stringify({ error: { code, message, request_id: requestId } }),
  };
}

/** A reply as a standard response. */
export function responseOf(reply: Reply): Response {
  return new Response(reply.body, { status: reply.status, headers: pairsOf(reply) });
}

/** {@linkcode problemReply} as a standard response. */
export function problemResponse(problem: Problem, requestId: string): Response {
  return responseOf(problemReply(problem, requestId));
}

/** A JSON answer from text or bytes already serialised. */
export function jsonResponse(
  body: string | Uint8Array<ArrayBuffer>,
  { status = 200, requestId, headers }: {
    status?: number;
    requestId: string;
    headers?: Readonly<Record<string, string>> | undefined;
  },
): Response {
  return new Response(body, {
    status,
    headers: { ...JSON_HEADERS, ...headers, "x-request-id": requestId },
  });
}

/** Adds what a response lacks of {@linkcode SECURITY_HEADERS}; upgrades pass untouched. */
export function secured(response: Response): Response {
  if (response.status === 101) return response;
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
    if (!response.headers.has(name)) response.headers.set(name, value);
  }
  return response;
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  account_suspended: 403,
  account_unknown: 404,
  agent_unknown: 404,
  bus_closed: 503,
  bus_no_responder: 503,
  bus_overflow: 503,
  bus_timeout: 503,
  bus_unreachable: 503,
  conflict: 409,
  envelope_invalid: 422,
  exchange_invalid: 502,
  exchange_lost: 502,
  firehose_full: 429,
  inbound_refused: 422,
  invalid_params: 400,
  microapp_bad_answer: 502,
  microapp_busy: 503,
  microapp_not_ready: 503,
  microapp_timeout: 504,
  not_found: 404,
  queue_full: 429,
  rate_limited: 429,
  store_busy: 503,
  store_closed: 503,
  store_full: 503,
  token_invalid: 401,
};

/** The HTTP status of a core error; what has none is a 500. */
export function statusOf(code: ErrorCode): number {
  return STATUS[code] ?? 500;
}

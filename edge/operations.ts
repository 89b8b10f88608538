/**
 * What operators ask of an edge: alive, ready, counted, and the admin RPC.
 *
 * @module
 */
import type { Bus } from "../core/bus/bus.ts";
import { codeOf, ERROR_CODES, subjects } from "../core/contract/mod.ts";
import type { Log } from "../core/flow/log.ts";
import type { BodyRead } from "./adapter.ts";
import { jsonResponse, problemResponse, statusOf } from "./reply.ts";

/** Whether the parts behind the edge work, and what is degraded. */
export interface Readiness {
  readonly ready: boolean;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** Bytes of one admin call. */
const RPC_BODY_CAP_BYTES = 4 * 1024 * 1024;
const RPC_LIMIT_MS = 60_000;

/** Forwards one admin call with the caller's own token; core checks it. Never rejects. */
export async function forwardRpc(
  { bus, log }: { bus: Pick<Bus, "request">; log: Log },
  { request, authorization: given, requestId, readBody }: {
    request: Request;
    /** In place of the request's own, for callers that prove themselves in another way. */
    authorization?: string | undefined;
    requestId: string;
    readBody: (capBytes: number) => Promise<BodyRead>;
  },
): Promise<Response> {
  const authorization = given ?? request.headers.get("authorization");
  if (authorization === null || !/^Bearer \S/i.test(authorization)) {
    return problemResponse({
      status: 401,
      code: "token_invalid",
      message: "A bearer token is required",
      headers: { "www-authenticate": "Bearer" },
    }, requestId);
  }
  const read = await readBody(RPC_BODY_CAP_BYTES);
  if (read.kind !== "body") {
    const problem = read.kind === "too_large"
      ? { status: 413, code: "body_too_large", message: "The body is too large" }
      : { status: 408, code: "request_timeout", message: "The body did not arrive in time" };
    return problemResponse(problem, requestId);
  }
  try {
    const { data } = await bus.request(subjects.admin, read.bytes, {
      headers: { authorization, "x-request-id": requestId },
      timeoutMs: RPC_LIMIT_MS,
    });
    return jsonResponse(new Uint8Array(data), { requestId });
  } catch (error) {
    const code = codeOf(error);
    log.warn("rpc.failed", { requestId, code });
    const { says, retry } = ERROR_CODES[code];
    const retryAfterSecs = retry ? 5 : undefined;
    return problemResponse(
      { status: statusOf(code), code, message: says, retryAfterSecs },
      requestId,
    );
  }
}

/**
 * What operators ask of an edge: whether it is ready, who may ask, and the admin RPC.
 *
 * @module
 */
import type { Bus } from "../core/bus/bus.ts";
import {
  codeOf,
  ERROR_CODES,
  type Readiness,
  readinessOf,
  type ReadinessPart,
  readyPart,
  subjects,
} from "../core/contract/mod.ts";
import type { Log } from "../core/flow/log.ts";
import type { BodyRead } from "./adapter.ts";
import { jsonResponse, problemResponse, statusOf } from "./reply.ts";
import type { SourceTable } from "./webhooks/sources.ts";

const BUS_DOWN =
  "the edge has no connection to core's bus and keeps trying; check that core, or the NATS server of NEXO_NATS_URL, runs";
const NOT_CONFIGURED = "core has not told this edge its sources; check that core runs on this bus";

/** Whether an edge can work; `behind` is what core says where both share a process. */
export function edgeReadiness({ bus, table, behind }: {
  bus: Pick<Bus, "status">;
  /** Undefined before core said what there is. */
  table: Pick<SourceTable, "byId" | "version"> | undefined;
  behind: Readiness | undefined;
}): Readiness {
  const known = new Set(behind?.parts.map(({ part }) => part));
  const own: ReadinessPart[] = [
    bus.status() === "ready" ? readyPart("bus") : { part: "bus", state: "down", reason: BUS_DOWN },
    table === undefined
      ? { part: "config", state: "down", reason: NOT_CONFIGURED }
      : readyPart("config"),
    ...(table === undefined ? [] : [sourcesPart(table)]),
  ];
  // What core says of a part they share is the whole of it, unless the edge's own is worse.
  const shown = own.filter(({ part, state }) => !known.has(part) || state === "down");
  return readinessOf(table?.version ?? 0, [...shown, ...behind?.parts ?? []]);
}

function sourcesPart({ byId }: Pick<SourceTable, "byId">): ReadinessPart {
  const without = [...byId.values()].filter(({ source }) =>
    source.enabled && source.secret === null
  );
  if (without.length === 0) return readyPart("sources");
  // Variables are named, not sources: those may be called like a tenant, and this is what to set.
  const names = [...new Set(without.map(({ source }) => source.secret_env))];
  const shown = names.slice(0, 5).map((name) => `"${name}"`).join(", ");
  const more = names.length > 5 ? ` and ${names.length - 5} more` : "";
  return {
    part: "sources",
    state: "degraded",
    reason:
      `${without.length} of ${byId.size} sources answer 503 for want of a secret: set ${shown}${more}`,
  };
}

/** What proxies add to a request; whoever sends them did not come straight from this machine. */
const PROXY_HEADERS = [
  "cf-connecting-ip",
  "forwarded",
  "true-client-ip",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-real-ip",
];

/**
 * Whether a request comes from this machine, and not through a proxy that runs on it. `ip` is the
 * client's by the rules for trusted proxies.
 */
export function isLocal(headers: Pick<Headers, "has">, ip: string | null): boolean {
  const isLoopback = ip !== null && (ip.startsWith("127.") || ip === "::1");
  return isLoopback && !PROXY_HEADERS.some((name) => headers.has(name));
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

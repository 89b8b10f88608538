/**
 * Who may open an exchange with which microapp, and with what its server is then asked.
 *
 * @module
 */
import type { RunExchange } from "../../bus/exchanges/serve.ts";
import {
  type Clock,
  CodedError,
  type ExchangeRequest,
  type HeaderPairs,
  isSafeTarget,
  offeredProtocols,
  requestHeadersFor,
} from "../../contract/mod.ts";
import { answerHttp, EXCHANGE_TIMES, type ExchangeTimes } from "./answer_http.ts";
import { answerSocket } from "./answer_socket.ts";
import { type HopCaller, hopHeaders } from "./hop.ts";
import type { RoutableServer } from "./servers.ts";
import { openUpstreams } from "./upstream.ts";

/** What an operator says of a microapp's HTTP. */
export interface AppAccess {
  readonly access: "public" | "token";
  /** Exchanges at once; more are told to come back. */
  readonly maxExchanges: number;
  /** The one tenant the microapp works for; null for all. */
  readonly account: string | null;
}

/** What a desk needs. */
export interface AppDeskDeps {
  /** The server of a microapp; undefined when there is none of that name, or it serves no HTTP. */
  readonly server: (microappId: string) => RoutableServer | undefined;
  readonly access: (microappId: string) => AppAccess;
  /** Who a token of ours belongs to. @throws {CodedError} `token_invalid` */
  readonly callerOf: (token: string) => Promise<HopCaller>;
  /** The key that a microapp knows its requests by. */
  readonly hopKey: (microappId: string) => string;
  readonly now: Clock;
  readonly times?: ExchangeTimes | undefined;
}

/** Lets exchanges in. Disposing closes the connections that are idle. */
export interface AppDesk extends Disposable {
  /**
   * @throws {CodedError} `not_found`, `token_invalid`, `account_unknown`, `invalid_params`,
   * `microapp_not_ready`, `microapp_busy`
   */
  readonly admit: (microappId: string, request: ExchangeRequest) => Promise<RunExchange>;
  /** Exchanges that are open. */
  readonly open: (microappId: string) => number;
}

const isMethod = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/;
/** They are for proxies, not for what is behind one. */
const REFUSED_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);
const isLength = /^\d{1,15}$/;
const BEARER_PROTOCOL = "bearer.";

/** Opens a desk. */
export function openAppDesk(deps: AppDeskDeps): AppDesk {
  const { now, times = EXCHANGE_TIMES } = deps;
  const upstreams = openUpstreams();
  const open = new Map<string, number>();
  const openOf = (id: string): number => open.get(id) ?? 0;

  function leave(id: string): void {
    const left = openOf(id) - 1;
    if (left > 0) open.set(id, left);
    else open.delete(id);
  }

  return {
    async admit(id, request) {
      const server = deps.server(id);
      if (server === undefined) {
        throw new CodedError("not_found", `Cannot open "${id}": no microapp of it serves HTTP`);
      }
      checkForm(request);
      const { access, maxExchanges, account } = deps.access(id);
      const caller = access === "public" ? null : await letIn(request, account, deps.callerOf);
      if (!server.isReady) {
        throw new CodedError("microapp_not_ready", `Cannot open "${id}": its server is not ready`);
      }
      if (openOf(id) >= maxExchanges) {
        const message = `Cannot open "${id}": ${maxExchanges} exchanges are open`;
        throw new CodedError("microapp_busy", message);
      }
      const hop = {
        microappId: id,
        address: server.address,
        request,
        caller,
        key: deps.hopKey(id),
      };
      const headers = [...clientHeaders(request, access), ...hopHeaders(hop, now)];
      open.set(id, openOf(id) + 1);
      return async (end) => {
        try {
          const work = { id, server, request, headers, times };
          await (request.kind === "socket"
            ? answerSocket(end, { ...work, protocols: protocolsFor(request, access) })
            : answerHttp(end, { ...work, upstreams }));
        } finally {
          leave(id);
        }
      };
    },
    open: openOf,
    [Symbol.dispose]: () => upstreams[Symbol.dispose](),
  };
}

/** An edge looks at all of this first; what must not reach a server is not left to it. */
function checkForm({ kind, method, target, headers, has_body }: ExchangeRequest): void {
  const refuse = (state: string): never => {
    throw new CodedError("invalid_params", `Cannot pass the request on: ${state}`);
  };
  if (!isMethod.test(method) || REFUSED_METHODS.has(method.toUpperCase())) refuse("its method");
  if (!isSafeTarget(target)) refuse("its path");
  if (kind === "socket" && (method !== "GET" || has_body)) refuse("its handshake");
  const lengths = headers.filter(([name]) => name.toLowerCase() === "content-length");
  if (lengths.length > 1 || !lengths.every(([, value]) => isLength.test(value))) {
    refuse("its length");
  }
}

/** The client's own headers that pass. */
function clientHeaders(
  { headers, has_body }: ExchangeRequest,
  access: AppAccess["access"],
): HeaderPairs {
  return requestHeadersFor(headers).filter(([name]) => {
    // Without a body there is nothing to announce; another length would swallow the next request.
    if (name === "content-length") return has_body;
    // A token of ours opens more than this microapp.
    return name !== "authorization" || access === "public";
  });
}

function protocolsFor({ headers }: ExchangeRequest, access: AppAccess["access"]): string[] {
  const offered = offeredProtocols(headers);
  return access === "public" ? offered : offered.filter((one) => !one.startsWith(BEARER_PROTOCOL));
}

/** Browsers can show a token for a WebSocket only as a subprotocol. */
function tokenOf({ kind, headers }: ExchangeRequest): string | undefined {
  const authorization = headers.find(([name]) => name.toLowerCase() === "authorization")?.[1];
  const token = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
  if (token !== undefined || kind !== "socket") return token;
  return offeredProtocols(headers).find((one) => one.startsWith(BEARER_PROTOCOL))
    ?.slice(BEARER_PROTOCOL.length);
}

async function letIn(
  request: ExchangeRequest,
  account: string | null,
  callerOf: AppDeskDeps["callerOf"],
): Promise<HopCaller> {
  const token = tokenOf(request);
  if (token === undefined) {
    throw new CodedError("token_invalid", "Cannot open it: a token is required");
  }
  const caller = await callerOf(token);
  if (account !== null && caller.account !== null && caller.account !== account) {
    throw new CodedError("token_invalid", "Cannot open it: the token is for another tenant");
  }
  return caller;
}

/**
 * What a microapp's server is told of a request besides the client's own words, and the proof that it
 * came through here.
 *
 * @module
 */
import { createHmac, randomUUID } from "node:crypto";
import {
  basePathOf,
  type Clock,
  type ExchangeRequest,
  type HeaderPairs,
} from "../../contract/mod.ts";
import type { ServerAddress } from "./address.ts";

/** Who was let in by a token of ours. */
export interface HopCaller {
  readonly subject: string;
  readonly scope: readonly string[];
  /** The only tenant the token is good for; null without one. */
  readonly account: string | null;
}

/** A request on its way to a server. */
export interface Hop {
  readonly microappId: string;
  readonly address: ServerAddress;
  readonly request: ExchangeRequest;
  /** Null where anybody may come. */
  readonly caller: HopCaller | null;
  /** The microapp's own key, which it was given in the handshake. */
  readonly key: string;
}

/** How long a proof is good: it was made on this machine, a moment ago. */
const PROOF_SECS = 60;

const base64url = (text: string): string => Buffer.from(text).toString("base64url");
const PROOF_HEADER = base64url(JSON.stringify({ alg: "HS256", typ: "JWT" }));

/**
 * The headers that are ours to say: `Host`, `X-Forwarded-*`, `X-Request-Id` and `X-Nexo-*`.
 *
 * `X-Nexo-Hop` is a JWT, HS256 with the microapp's key: `iss` is `nexo`, `aud` the microapp, and
 * `method`, `target`, `ip` and, with a token of ours, `sub`, `scope` and `account_id` say what the other
 * headers say, so that nobody else on this machine can say it.
 */
export function hopHeaders(hop: Hop, now: Clock): HeaderPairs {
  const { microappId, address, request: { client, request_id, method, target }, caller, key } = hop;
  const issuedAtSecs = Math.floor(now() / 1000);
  const claims = {
    iss: "nexo",
    aud: microappId,
    iat: issuedAtSecs,
    exp: issuedAtSecs + PROOF_SECS,
    jti: randomUUID(),
    request_id,
    method,
    target,
    ip: client.ip,
    ...(caller === null ? {} : {
      sub: caller.subject,
      scope: caller.scope,
      ...(caller.account === null ? {} : { account_id: caller.account }),
    }),
  };
  const content = `${PROOF_HEADER}.${base64url(JSON.stringify(claims))}`;
  const proof = createHmac("sha256", key).update(content).digest("base64url");
  const present = (name: string, value: string | null): HeaderPairs =>
    value === null ? [] : [[name, value]];
  return [
    ["host", address.url.slice("http://".length)],
    ...present("x-forwarded-for", client.ip),
    ...present("x-forwarded-host", client.host),
    ["x-forwarded-proto", client.proto],
    ["x-forwarded-prefix", basePathOf(microappId)],
    ["x-request-id", request_id],
    ["x-nexo-request-id", request_id],
    ["x-nexo-microapp", microappId],
    ...present("x-nexo-subject", caller?.subject ?? null),
    ...present("x-nexo-scope", caller?.scope.join(" ") ?? null),
    ...present("x-nexo-account", caller?.account ?? null),
    ["x-nexo-hop", `${content}.${proof}`],
  ];
}

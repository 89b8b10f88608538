/**
 * Who asks a microapp for something, as proxies in front of the edge tell it.
 *
 * @module
 */
import type { ExchangeRequest } from "../../core/contract/mod.ts";
import type { ProxyHeaders } from "../webhooks/client_ip.ts";

/** What is known of a connection. */
export interface Connection {
  /** The address of the socket's other end. */
  readonly peer: string | null;
  /** The client's, by the rules for trusted proxies. */
  readonly ip: string | null;
  readonly headers: ProxyHeaders;
  readonly isTls: boolean;
}

/**
 * The client, for `X-Forwarded-*`. What headers say of scheme and host counts where they were believed
 * about the address.
 */
export function describeClient(
  { peer, ip, headers, isTls }: Connection,
): ExchangeRequest["client"] {
  const isBelieved = ip !== null && peer !== null && !isSameAddress(peer, ip);
  const told = (name: string): string | undefined =>
    isBelieved ? headers.get(name)?.split(",")[0]?.trim() || undefined : undefined;
  const proto = told("x-forwarded-proto")?.toLowerCase();
  const host = told("x-forwarded-host") ?? headers.get("host");
  return {
    ip,
    proto: proto === "https" || proto === "http" ? proto : isTls ? "https" : "http",
    host: host === null || host.length > 255 ? null : host,
  };
}

/** `peer` as sockets show it: IPv4 may come as IPv6. */
function isSameAddress(peer: string, ip: string): boolean {
  return peer === ip || peer.replace(/^::ffff:(?=\d+\.)/i, "") === ip;
}

/**
 * Where a microapp's HTTP server is found from here.
 *
 * @module
 */
import type { HttpServer } from "../manifest_schema.ts";

/** An address to connect to. */
export interface ServerAddress {
  /** As sockets take it, without brackets. */
  readonly host: string;
  readonly port: number;
  /** `http://host:port`, an IPv6 address in brackets. */
  readonly url: string;
  /** What the microapp may call itself. */
  readonly origins: readonly string[];
}

const ANY: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** The address of a server that binds `bind`; one on every interface is reached on loopback. */
export function addressOf({ bind, port }: Pick<HttpServer, "bind" | "port">): ServerAddress {
  const host = ANY[bind] ?? bind;
  const urlOf = (name: string): string =>
    `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
  const names = new Set([host, bind, "127.0.0.1", "localhost"]);
  return { host, port, url: urlOf(host), origins: [...names].map(urlOf) };
}

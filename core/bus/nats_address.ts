/**
 * Where a NATS server is and how to sign in, from a URL that may hold both.
 *
 * @module
 */
import { CodedError } from "../contract/mod.ts";

/** How a client proves who it is. */
export type NatsAuth =
  | { readonly token: string }
  | { readonly user: string; readonly pass: string }
  /** The seed of a user's nkey, `SU…`. */
  | { readonly nkeySeed: string }
  /** The text of a `.creds` file. */
  | { readonly creds: string };

/** A URL taken apart. */
export interface NatsAddress {
  /** Without any secrets. */
  readonly servers: readonly string[];
  /** {@linkcode servers} for messages. */
  readonly shown: string;
  readonly auth: NatsAuth | undefined;
}

/**
 * Reads `url`, several comma-separated; `auth` wins over what the URL says.
 *
 * @throws {CodedError} `config_invalid` when it is not of a WebSocket
 */
export function readAddress(url: string, auth: NatsAuth | undefined): NatsAddress {
  let found = auth;
  const servers = url.split(",").map((part) => {
    const parsed = parseUrl(part.trim());
    const [user, pass] = [decodeURIComponent(parsed.username), decodeURIComponent(parsed.password)];
    if (user !== "") found ??= pass === "" ? { token: user } : { user, pass };
    [parsed.username, parsed.password] = ["", ""];
    return parsed.href;
  });
  return { servers, shown: servers.join(","), auth: found };
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "ws:" || url?.protocol === "wss:") return url;
  // The text may hold a password, so it is not shown.
  const state = "its URL must begin with ws:// or wss:// and name the server's WebSocket port";
  throw new CodedError("config_invalid", `Cannot connect to NATS: ${state}`);
}

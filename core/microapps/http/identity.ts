/**
 * What a microapp's HTTP server is told of itself, in the handshake and in its environment.
 *
 * @module
 */
import { basePathOf } from "../../contract/mod.ts";
import type { HttpServer } from "../manifest_schema.ts";

/** What a server knows its callers by. */
export interface HttpIdentity {
  /** The bearer of those who call it themselves. */
  readonly token: string;
  /** What requests through `/apps` are proven with; see `hop.ts`. */
  readonly hopKey: string;
}

/** Gives a microapp its identity; `first` is the token of one that has none yet. */
export type IdentityOf = (microappId: string, first: string | undefined) => Promise<HttpIdentity>;

/** The member `http` of `initialize`. */
export interface HttpHandshake {
  readonly bind: string;
  readonly port: number;
  readonly health_path: string;
  /** Where its own `/` is for clients. */
  readonly base_path: string;
  readonly token: string;
  readonly hop_key: string;
}

/** What a microapp with a server is told. */
export function httpHandshake(
  microappId: string,
  { bind, port, health_path }: HttpServer,
  { token, hopKey }: HttpIdentity,
): HttpHandshake {
  return { bind, port, health_path, base_path: basePathOf(microappId), token, hop_key: hopKey };
}

/** The same as environment variables, for programs that never look at `initialize`. */
export function httpEnv(
  handshake: HttpHandshake,
  { token_env }: Pick<HttpServer, "token_env">,
): Record<string, string> {
  const { bind, port, health_path, base_path, token, hop_key } = handshake;
  return {
    NEXO_HTTP_BIND: bind,
    NEXO_HTTP_PORT: String(port),
    NEXO_HTTP_HEALTH_PATH: health_path,
    NEXO_HTTP_BASE_PATH: base_path,
    NEXO_HTTP_TOKEN: token,
    NEXO_HTTP_HOP_KEY: hop_key,
    [token_env]: token,
  };
}

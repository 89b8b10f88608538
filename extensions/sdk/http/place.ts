/**
 * What core said of this microapp's HTTP server.
 *
 * @module
 */
import { z } from "zod";
import { NOTICES } from "../../../core/contract/mod.ts";
import type { AppContext } from "../context.ts";
import { createTokenHolder } from "../operator.ts";

/** Where the server listens, and what it knows its callers by. */
export interface ServerPlace {
  readonly hostname: string;
  readonly port: number;
  /** Asked by core to see whether the server is well. */
  readonly healthPath: string;
  /** Where this server's `/` is for clients of nexo: `/apps/<id>`, without a slash at the end. */
  readonly basePath: string;
  /** The id of this microapp. */
  readonly microappId: string;
  /** The bearer of those who may use all of it, the newest that core has told. */
  readonly token: () => string;
  /** What requests through `/apps` are proven with. */
  readonly hopKey: string;
}

const Handshake = z.looseObject({
  extension_id: z.string(),
  http: z.looseObject({
    bind: z.string(),
    port: z.int().nonnegative(),
    health_path: z.string(),
    base_path: z.string(),
    token: z.string().min(1),
    hop_key: z.string().min(1),
  }),
});

/**
 * Reads what core said in `initialize`.
 *
 * @throws {RangeError} when the manifest declares no HTTP server
 */
export function placeOf({ handshake, on }: Pick<AppContext, "handshake" | "on">): ServerPlace {
  const read = Handshake.safeParse(handshake);
  if (!read.success) {
    throw new RangeError(
      "Cannot serve HTTP: core names no port; declare [capabilities.http_server] in plugin.toml",
    );
  }
  const { extension_id: microappId, http } = read.data;
  const bearer = createTokenHolder(() => undefined);
  bearer.offer(http.token);
  on(NOTICES.token_rotated, (params) => void bearer.rotate(params));
  return {
    hostname: http.bind,
    port: http.port,
    healthPath: http.health_path,
    basePath: http.base_path,
    microappId,
    token: () => bearer.current() ?? http.token,
    hopKey: http.hop_key,
  };
}

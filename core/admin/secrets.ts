/**
 * `nexo/admin/secrets/write` and `nexo/admin/auth/rotate_token`.
 *
 * @module
 */
import { type Clock, messageOf, RPC_CODES, RpcFault } from "../contract/mod.ts";
import { SECRET_METHODS } from "../contract/admin/secrets.ts";
import type { Settings } from "../settings/settings.ts";
import { type AdminMethod, type Call, methodsOf, notGranted } from "./method.ts";

/** A rotation of the token of one microapp's HTTP server. */
export interface TokenRotation {
  readonly microappId: string;
  readonly oldHash: string;
  readonly newHash: string;
  /** The new token itself: for the `token_rotated` notification, and for nothing that is kept. */
  readonly token: string;
  readonly reason: string | undefined;
  readonly atMs: number;
}

/** What the secret methods need. */
export interface SecretMethodDeps {
  /** Keeps a secret on disk; see `writeSecret`. */
  readonly writeSecret: (name: string, value: string) => Promise<string>;
  /** Whether the environment has a value of that name, which the written one now hides. */
  readonly inEnvironment: (name: string) => boolean;
  readonly reload: () => Promise<Settings>;
  readonly settings: () => Settings;
  /** Whether there is a microapp of that name. */
  readonly isMicroapp: (id: string) => boolean;
  /** Makes a new token the current one of a microapp, on disk; see `openMicroappTokens`. */
  readonly rotateToken: (
    microappId: string,
    token: string | undefined,
  ) => Promise<{ oldHash: string; newHash: string; token: string }>;
  /** Tells that microapp and puts the event on record. */
  readonly onRotated: (rotation: TokenRotation) => Promise<void>;
  readonly now: Clock;
}

/** Returns the methods on secrets. */
export function secretMethods(deps: SecretMethodDeps): AdminMethod[] {
  return methodsOf(SECRET_METHODS, {
    async "nexo/admin/secrets/write"({ name, value }, call) {
      // A name is everybody's: no tenant has secrets of its own here.
      if (call.tenants !== "all") throw notGranted(call);
      const path = await deps.writeSecret(name, value).catch((error: unknown) => {
        throw new RpcFault(
          RPC_CODES.internal,
          `internal: secret write io: ${messageOf(error).replaceAll(value, "[secret]")}`,
        );
      });
      const { version } = await deps.reload();
      return { path, overwrote_env: deps.inEnvironment(name), config_version: version };
    },

    async "nexo/admin/auth/rotate_token"({ new_token, microapp_id: named, reason }, call) {
      if (call.tenants !== "all") throw notGranted(call);
      const microappId = rotatedBy(call, named ?? undefined, deps.isMicroapp);
      const rotated = await deps.rotateToken(microappId, new_token ?? undefined);
      const atMs = deps.now();
      await deps.onRotated({ ...rotated, microappId, reason, atMs });
      return { ok: true as const, new_hash: rotated.newHash, at_ms: atMs };
    },
  });
}

/** Whose token a call rotates: a microapp's own, or the one an operator names. */
function rotatedBy(
  call: Call,
  named: string | undefined,
  isMicroapp: (id: string) => boolean,
): string {
  const { caller } = call;
  if (caller.kind === "microapp") {
    if (named !== undefined && named !== caller.id) throw notGranted(call);
    return caller.id;
  }
  if (named === undefined) {
    const message = "invalid_params: microapp_id is missing: each microapp has a token of its own";
    throw new RpcFault(RPC_CODES.invalid_params, message);
  }
  if (isMicroapp(named)) return named;
  throw new RpcFault(RPC_CODES.internal, `internal: not_found: microapp \`${named}\``);
}

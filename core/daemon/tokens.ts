/**
 * Tokens as a running core hands them out, checks them and takes them back.
 *
 * @module
 */
import type { Caller } from "../admin/method.ts";
import {
  type Clock,
  CodedError,
  codeOf,
  type EdgeAuth,
  type TokenClaims,
} from "../contract/mod.ts";
import type { Store } from "../store/store.ts";
import { type NewToken, rowsForRevoking, type TokenRequest } from "../vault/tokens.ts";
import type { Vault } from "../vault/vault.ts";

/** The tokens of one core. */
export interface TokenDesk {
  readonly create: (request: TokenRequest) => Promise<NewToken>;
  /** From now on the token opens nothing, at any edge. @throws {CodedError} `not_found` */
  readonly revoke: (jti: string) => Promise<void>;
  /** A token that is good for events. @throws {CodedError} `token_invalid` */
  readonly verifyForEvents: (token: string) => Promise<TokenClaims>;
  /** The operator behind a token, or undefined. */
  readonly operatorOf: (token: string) => Promise<Caller | undefined>;
  /** What edges check tokens with. */
  readonly edgeAuth: () => EdgeAuth;
}

/** Opens the desk; `onRevoked` hears of each token taken back. */
export async function openTokenDesk({ store, vault, now, onRevoked }: {
  store: Store;
  vault: Vault;
  now: Clock;
  onRevoked: () => void;
}): Promise<TokenDesk> {
  const rows = await store.readMany<{ jti: string; expires_at_ms: number }>(
    "SELECT jti, expires_at_ms FROM tokens WHERE revoked_at_ms IS NOT NULL AND expires_at_ms > ?",
    [now()],
  );
  const revoked = new Map(rows.map(({ jti, expires_at_ms }) => [jti, expires_at_ms]));
  const isRevoked = async (jti: string): Promise<boolean> => {
    if (revoked.has(jti)) return true;
    const [row] = await store.read("SELECT revoked_at_ms FROM tokens WHERE jti = ?", [jti]);
    // A token that is not on record was not made here, whatever its signature says.
    return row === undefined || row["revoked_at_ms"] !== null;
  };

  return {
    async create(request) {
      const made = await vault.createToken(request);
      await store.commit(made.row);
      return made;
    },
    async revoke(jti) {
      const [row] = await store.read<{ expires_at_ms: number }>(
        "SELECT expires_at_ms FROM tokens WHERE jti = ? AND revoked_at_ms IS NULL",
        [jti],
      );
      if (row === undefined) {
        throw new CodedError("not_found", `Cannot revoke token "${jti}": there is no such token`);
      }
      await store.commit(rowsForRevoking(jti, now()));
      revoked.set(jti, row.expires_at_ms);
      onRevoked();
    },
    verifyForEvents: (token) =>
      vault.verifyToken(token, { scope: ["operator", "tenant", "firehose"], isRevoked }),
    async operatorOf(token) {
      if (vault.isOperatorToken(token)) return { kind: "operator", subject: "local" };
      try {
        const claims = await vault.verifyToken(token, { scope: "operator", isRevoked });
        // A token for one tenant is not good for methods that see all of them.
        return claims.account_id === undefined
          ? { kind: "operator", subject: claims.sub }
          : undefined;
      } catch (error) {
        if (codeOf(error) === "token_invalid") return undefined;
        throw error;
      }
    },
    edgeAuth() {
      for (const [jti, expiresAtMs] of revoked) if (expiresAtMs <= now()) revoked.delete(jti);
      const { kty, crv, x, kid } = vault.publicJwk();
      if (kty !== "OKP" || crv !== "Ed25519" || x === undefined || kid === undefined) {
        throw new TypeError("Cannot publish the token key: it is no Ed25519 key");
      }
      return {
        token_keys: [{ kty: "OKP", crv: "Ed25519", x, kid }],
        revoked: [...revoked.keys()],
      };
    },
  };
}

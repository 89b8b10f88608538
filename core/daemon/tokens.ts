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
import { createInTurn } from "../flow/in_turn.ts";
import type { HopCaller } from "../microapps/http/hop.ts";
import type { Store } from "../store/store.ts";
import { type NewToken, rowsForRevoking, type TokenRequest } from "../vault/tokens.ts";
import type { Vault } from "../vault/vault.ts";

/** The tokens of one core. */
export interface TokenDesk {
  readonly create: (request: TokenRequest) => Promise<NewToken>;
  /**
   * Signs new tokens with a new key. Those of the one before stay good until the last of them expires,
   * or end at once, at every edge.
   */
  readonly rotateKey: (options: { revokeOld: boolean }) => Promise<RotatedKey>;
  /** From now on the token opens nothing, at any edge. @throws {CodedError} `not_found` */
  readonly revoke: (jti: string) => Promise<void>;
  /** A token that is good for events. @throws {CodedError} `token_invalid` */
  readonly verifyForEvents: (token: string) => Promise<TokenClaims>;
  /** Who may use a microapp behind `access: token`. @throws {CodedError} `token_invalid` */
  readonly callerForApps: (token: string) => Promise<HopCaller>;
  /** The operator behind a token, or undefined. */
  readonly operatorOf: (token: string) => Promise<Caller | undefined>;
  /** What edges check tokens with. */
  readonly edgeAuth: () => EdgeAuth;
}

/** What became of the keys. */
export interface RotatedKey {
  /** Of the key that signs from now on. */
  readonly kid: string;
  /** When tokens of older keys are all over; null when none is good any more. */
  readonly oldUntilMs: number | null;
}

/** Opens the desk; `onChange` hears when edges must know of something: a revocation, a new key. */
export async function openTokenDesk({ store, vault, now, onChange }: {
  store: Store;
  vault: Vault;
  now: Clock;
  onChange: () => void;
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

  /** A token and the key that signs it are one step: no rotation may come in between. */
  const inTurn = createInTurn();

  async function lastExpiryMs(): Promise<number> {
    const [row] = await store.read<{ last: number | null }>(
      "SELECT max(expires_at_ms) AS last FROM tokens WHERE revoked_at_ms IS NULL",
    );
    return row?.last ?? 0;
  }

  return {
    create: (request) =>
      inTurn(async () => {
        const made = await vault.createToken(request);
        await store.commit(made.row);
        return made;
      }),
    rotateKey: ({ revokeOld }) =>
      inTurn(async () => {
        const previousUntilMs = revokeOld ? 0 : await lastExpiryMs();
        const kid = await vault.rotateTokenKey({ previousUntilMs, forgetOlder: revokeOld });
        onChange();
        return { kid, oldUntilMs: previousUntilMs > now() ? previousUntilMs : null };
      }),
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
      onChange();
    },
    verifyForEvents: (token) =>
      vault.verifyToken(token, { scope: ["operator", "tenant", "firehose"], isRevoked }),
    async callerForApps(token) {
      const check = { scope: ["operator", "tenant"] as const, isRevoked };
      const { sub, scope, account_id } = await vault.verifyToken(token, check);
      return { subject: sub, scope, account: account_id ?? null };
    },
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
      return {
        token_keys: vault.publicJwks(),
        revoked: [...revoked.keys()],
      };
    },
  };
}

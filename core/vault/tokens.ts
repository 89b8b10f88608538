/**
 * Tokens for people and edges: EdDSA JWTs that core signs and anybody with the public key verifies.
 *
 * @module
 */
import { jwtVerify, SignJWT } from "jose";
import { z } from "zod";

import {
  type Clock,
  CodedError,
  messageOf,
  TokenClaims,
  type TokenScope,
} from "../contract/mod.ts";
import { insert, statement, type Write } from "../store/store.ts";
import { type PublicTokenKey, TOKEN_ALGORITHM, type TokenKeys } from "./token_keys.ts";

/** What a new token is to be good for. */
export interface TokenRequest {
  subject: string;
  scope: readonly TokenScope[];
  /** Required for scope `tenant`. */
  accountId?: string | undefined;
  caps?: readonly string[] | undefined;
  /** Rounded up to whole seconds, in milliseconds. @default {43_200_000} */
  ttlMs?: number | undefined;
}

/** A new token; it is on record once `row` is committed. */
export interface NewToken {
  readonly token: string;
  readonly jti: string;
  readonly expiresAtMs: number;
  readonly row: Write[];
}

/** What a token must be good for. */
export interface TokenCheck {
  /** The scope needed, or several of which one is enough. */
  scope: TokenScope | readonly TokenScope[];
  isRevoked: (jti: string) => boolean | Promise<boolean>;
}

/** Makes and checks tokens. */
export interface Tokens {
  createToken(request: TokenRequest): Promise<NewToken>;
  /** @throws {CodedError} `token_invalid` */
  verifyToken(token: string, check: TokenCheck): Promise<TokenClaims>;
  /** The public half of the key that signs new tokens, with `kid` and `alg`. */
  publicJwk(): PublicTokenKey;
  /** {@linkcode publicJwk} and those of older keys whose tokens are still good; what edges verify with. */
  publicJwks(): PublicTokenKey[];
  /** New tokens get a new key. See {@linkcode TokenKeys.rotate}. */
  rotateTokenKey(options: Parameters<TokenKeys["rotate"]>[0]): Promise<string>;
}

const TTL_MS = 12 * 60 * 60 * 1000;

/** Builds the maker of tokens on its keys. */
export function createTokens(
  { keys, now, uuid }: { keys: TokenKeys; now: Clock; uuid: () => string },
): Tokens {
  return {
    async createToken(request) {
      const { subject, scope, accountId, caps = [], ttlMs = TTL_MS } = request;
      checkRequest(request);
      const { key, kid } = keys.current();
      const issuedAtMs = now();
      const expiresAtMs = Math.ceil((issuedAtMs + ttlMs) / 1000) * 1000;
      const jti = uuid();
      const claims = {
        scope: [...scope],
        caps: [...caps],
        ...(accountId === undefined ? {} : { account_id: accountId }),
      };
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: TOKEN_ALGORITHM, typ: "JWT", kid })
        .setSubject(subject)
        .setJti(jti)
        .setIssuedAt(Math.floor(issuedAtMs / 1000))
        .setExpirationTime(expiresAtMs / 1000)
        .sign(key);
      const row = insert("tokens", {
        jti,
        account_id: accountId ?? null,
        subject,
        scope: scope.join(" "),
        created_at_ms: issuedAtMs,
        expires_at_ms: expiresAtMs,
        revoked_at_ms: null,
      });
      return { token, jti, expiresAtMs, row: [row] };
    },
    async verifyToken(token, { scope, isRevoked }) {
      const claims = await readClaims(token, keys, now());
      const wanted: readonly TokenScope[] = typeof scope === "string" ? [scope] : scope;
      if (!claims.scope.some((one) => wanted.includes(one))) {
        throw invalid(`it is for "${claims.scope.join(" ")}", not for "${wanted.join(" ")}"`);
      }
      if (await isRevoked(claims.jti)) throw invalid("it was revoked");
      return claims;
    },
    publicJwk: keys.publicJwk,
    publicJwks: keys.publicJwks,
    rotateTokenKey: keys.rotate,
  };
}

/** Takes a token back. The unit fails with `conflict` when it is unknown or revoked already. */
export function rowsForRevoking(jti: string, atMs: number): Write[] {
  const sql = "UPDATE tokens SET revoked_at_ms = ? WHERE jti = ? AND revoked_at_ms IS NULL";
  return [statement(sql, [atMs, jti], 1)];
}

function checkRequest({ subject, scope, accountId, ttlMs = TTL_MS }: TokenRequest): void {
  if (subject === "" || scope.length === 0) {
    throw new TypeError("Cannot create a token: subject and scope are required");
  }
  if (scope.includes("tenant") && accountId === undefined) {
    throw new TypeError('Cannot create a token: scope "tenant" needs a tenant');
  }
  if (!(ttlMs > 0)) throw new RangeError("Cannot create a token: its life must be above 0 ms");
}

async function readClaims(token: string, keys: TokenKeys, nowMs: number): Promise<TokenClaims> {
  try {
    const { payload } = await jwtVerify(token, (header) => {
      const key = keys.find(header.kid);
      if (key === undefined) throw invalid("its key is not ours");
      return key;
    }, {
      algorithms: [TOKEN_ALGORITHM],
      requiredClaims: ["sub", "exp", "jti"],
      currentDate: new Date(nowMs),
    });
    return TokenClaims.parse(payload);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw invalid(
      error instanceof z.ZodError ? "its claims are not ours" : messageOf(error),
      error,
    );
  }
}

function invalid(state: string, cause?: unknown): CodedError {
  return new CodedError("token_invalid", `Cannot accept the token: ${state}`, { cause });
}

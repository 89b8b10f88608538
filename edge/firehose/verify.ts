/**
 * Checks tokens with the public keys that core pushed.
 *
 * @module
 */
import { importJWK, jwtVerify, type JWTVerifyGetKey } from "jose";
import {
  type Clock,
  CodedError,
  type EdgeAuth,
  messageOf,
  TokenClaims,
} from "../../core/contract/mod.ts";

/** A token that is good now. */
export interface GoodToken {
  readonly claims: TokenClaims;
  /** The key that signed it. */
  readonly kid: string;
}

/** Checks tokens without asking anybody. */
export interface TokenVerifier {
  /** Puts keys and revocations in force. */
  update(auth: EdgeAuth): void;
  /** @throws {CodedError} `token_invalid`; `bus_unreachable` before core pushed a key */
  verify(token: string): Promise<GoodToken>;
  /** Whether a token that was good still may be. */
  stands(token: { readonly jti: string; readonly kid: string }): boolean;
}

type Key = Awaited<ReturnType<typeof importJWK>>;

const ALGORITHM = "EdDSA";

/** Builds a verifier without keys. */
export function createTokenVerifier({ now }: { now: Clock }): TokenVerifier {
  let keys = new Map<string, Promise<Key>>();
  let revoked: ReadonlySet<string> = new Set();

  const keyOf: JWTVerifyGetKey = async ({ kid = "" }) => {
    const key = await keys.get(kid);
    if (key === undefined) throw invalid("its key is not ours");
    return key;
  };

  return {
    update(auth) {
      const known = keys;
      keys = new Map(auth.token_keys.map((jwk) => [
        jwk.kid,
        // Importing is asynchronous and costs more than a check; a key never changes under its id.
        known.get(jwk.kid) ?? importKey(jwk),
      ]));
      revoked = new Set(auth.revoked);
    },
    async verify(token) {
      if (keys.size === 0) {
        throw new CodedError(
          "bus_unreachable",
          "Cannot check the token: core has not sent its key",
        );
      }
      const { claims, kid } = await readToken(token, keyOf, now());
      if (revoked.has(claims.jti)) throw invalid("it was revoked");
      return { claims, kid };
    },
    stands: ({ jti, kid }) => !revoked.has(jti) && keys.has(kid),
  };
}

function importKey(jwk: EdgeAuth["token_keys"][number]): Promise<Key> {
  const { kty, crv, x } = jwk;
  const key = importJWK({ kty, crv, x }, ALGORITHM);
  // A key that cannot be used fails the tokens it signed, and nothing else.
  key.catch(() => undefined);
  return key;
}

async function readToken(
  token: string,
  keyOf: JWTVerifyGetKey,
  nowMs: number,
): Promise<GoodToken> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keyOf, {
      algorithms: [ALGORITHM],
      requiredClaims: ["sub", "exp", "jti"],
      currentDate: new Date(nowMs),
    });
    const claims = TokenClaims.safeParse(payload);
    if (!claims.success) throw invalid("its claims are not ours");
    return { claims: claims.data, kid: protectedHeader.kid ?? "" };
  } catch (error) {
    throw error instanceof CodedError ? error : invalid(messageOf(error), error);
  }
}

function invalid(state: string, cause?: unknown): CodedError {
  return new CodedError("token_invalid", `Cannot accept the token: ${state}`, { cause });
}

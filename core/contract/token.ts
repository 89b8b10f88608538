/**
 * What tokens say, and what an edge must know to check them.
 *
 * @module
 */
import { z } from "zod";
import { CodedError } from "./errors.ts";
import { AccountId } from "./ids.ts";

/** What a token opens. */
export const TokenScope = z.enum(["operator", "tenant", "firehose", "edge"]);
/** See {@linkcode TokenScope}. */
export type TokenScope = z.infer<typeof TokenScope>;

/** The claims of a token. */
export const TokenClaims = z.looseObject({
  sub: z.string().min(1),
  scope: z.array(TokenScope).min(1),
  /** The only tenant the token is good for; all when absent. */
  account_id: AccountId.optional(),
  caps: z.array(z.string()),
  /** Seconds since the epoch. */
  exp: z.int(),
  jti: z.string().min(1),
});
/** See {@linkcode TokenClaims}. */
export type TokenClaims = z.infer<typeof TokenClaims>;

/** What core pushes to every edge so that it can check tokens by itself. */
export const EdgeAuth = z.strictObject({
  /** Public Ed25519 keys as JWKs; the newest and, while tokens of an older one live, that one, too. */
  token_keys: z.array(z.looseObject({
    kty: z.literal("OKP"),
    crv: z.literal("Ed25519"),
    x: z.string(),
    kid: z.string(),
  })),
  /** The `jti` of tokens taken back before their time. */
  revoked: z.array(z.string()),
});
/** See {@linkcode EdgeAuth}. */
export type EdgeAuth = z.infer<typeof EdgeAuth>;

const EVENT_SCOPES: readonly TokenScope[] = ["operator", "tenant", "firehose"];

/**
 * Whose events a token opens: those of its tenant or, without one, everybody's.
 *
 * @throws {CodedError} `token_invalid` when it opens none
 */
export function eventScopeOf(
  { scope, account_id }: Pick<TokenClaims, "scope" | "account_id">,
): { readonly account: string } | "operator" {
  if (!scope.some((one) => EVENT_SCOPES.includes(one))) {
    throw new CodedError(
      "token_invalid",
      `Cannot read events: the token is for "${scope.join(" ")}"`,
    );
  }
  if (account_id !== undefined) return { account: account_id };
  if (scope.includes("operator") || scope.includes("firehose")) return "operator";
  throw new CodedError("token_invalid", "Cannot read events: the token names no tenant");
}

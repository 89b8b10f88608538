/**
 * What the audit keeps of an admin call's arguments.
 *
 * @module
 */
import { canonicalJson } from "./hash.ts";

/** Deeper arguments all hash alike; no method takes any. */
const MAX_DEPTH = 64;
const REDACTED = "<redacted>";
const SECRET_NAME = /^(?:token|password|xoauth2_token|api_key|secret)$/i;

/**
 * The keyed hash of `params`, 64 hex digits: equal arguments can be recognised, none can be guessed.
 *
 * Key order does not matter. Secrets do not enter: `value` of `secrets/write`, `new_token` of
 * `auth/rotate_token`, and what is named like a secret inside `payload` and `metadata` of
 * `credentials/register`.
 *
 * @param mac a keyed hash of text, for example HMAC-SHA-256 in hex
 */
export function argsHash(params: unknown, method: string, mac: (text: string) => string): string {
  return mac(canonicalJson(copy(withoutSecrets(params ?? null, method), 0)));
}

function withoutSecrets(params: unknown, method: string): unknown {
  if (!isObject(params)) return params;
  if (method.endsWith("secrets/write")) return replace(params, ["value"], () => REDACTED);
  if (method.endsWith("auth/rotate_token")) return replace(params, ["new_token"], () => REDACTED);
  if (method.endsWith("credentials/register")) {
    return replace(params, ["payload", "metadata"], (value) => copy(value, 0, isSecret));
  }
  return params;
}

function replace(
  params: Record<string, unknown>,
  names: readonly string[],
  put: (value: unknown) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(params).map((
      [name, value],
    ) => [name, names.includes(name) ? put(value) : value]),
  );
}

/** A copy of bounded depth; members that `hides` accepts are replaced. */
function copy(
  value: unknown,
  depth: number,
  hides: (name: string) => boolean = () => false,
): unknown {
  if (value === null || typeof value !== "object") return value;
  if (depth >= MAX_DEPTH) return "<too deep>";
  if (Array.isArray(value)) return value.map((item) => copy(item, depth + 1, hides));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      hides(name) ? REDACTED : copy(member, depth + 1, hides),
    ]),
  );
}

function isSecret(name: string): boolean {
  return SECRET_NAME.test(name);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/**
 * Whether a secret can be what a source's signature needs.
 *
 * @module
 */
import type { ResolvedSource } from "./resolved_source.ts";

/** A secret that is shorter is as good as none. */
const MIN_SECRET_BYTES = 8;

const encoder = new TextEncoder();

const PREFIX = /^wh(?:sec|pk|sk)_/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/**
 * What is wrong with the secret `name`, or null. Its value is never part of the answer.
 *
 * An Ed25519 key is 32 bytes, or 64 when the private half comes first.
 */
export function secretProblem(
  { algorithm, secret_format: format }: ResolvedSource["signature"],
  name: string,
  secret: string,
): string | null {
  if (secret === "") return `secret "${name}" is missing or empty`;
  const length = keyBytes(format, secret);
  if (length === undefined) {
    return format === "hex"
      ? `secret "${name}" is no hex text`
      : `secret "${name}" is no base64 text, with or without "whsec_"`;
  }
  if (algorithm === "ed25519") {
    return length === 32 || length === 64 ? null : `secret "${name}" is no Ed25519 key of 32 bytes`;
  }
  return length < MIN_SECRET_BYTES
    ? `secret "${name}" is shorter than ${MIN_SECRET_BYTES} bytes`
    : null;
}

function keyBytes(
  format: ResolvedSource["signature"]["secret_format"],
  secret: string,
): number | undefined {
  if (format === "text") return encoder.encode(secret).length;
  if (format === "hex") return /^(?:[0-9a-fA-F]{2})+$/.test(secret) ? secret.length / 2 : undefined;
  const text = secret.replace(PREFIX, "");
  return BASE64.test(text) ? Math.floor(text.replace(/=+$/, "").length * 3 / 4) : undefined;
}

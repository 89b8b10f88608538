/**
 * Signs a body as a source's sender would, to try a source out.
 *
 * @module
 */
import { CodedError, encodeBase64 } from "../contract/mod.ts";
import { type Bytes, encodeBase64Url, encodeHex } from "./bytes.ts";
import { isForm, parseForm, sortedForm } from "./form.ts";
import { ed25519KeyOf, keyOf, signEd25519 } from "./keys.ts";
import { createMac, joinedBytes, sha256 } from "./mac.ts";
import { compileSigned, type SignedValues } from "./signed.ts";
import { formatTimestamp } from "./timestamps.ts";
import type { SigningSource } from "./verifier.ts";

/** What to sign. */
export interface SignInput {
  readonly body: Bytes;
  readonly nowMs: number;
  /** The delivery's id; sent where the source dedupes by a header. */
  readonly id: string;
  /** The body's `Content-Type`; decides how a signature over an address covers the body. */
  readonly contentType?: string | undefined;
  /** The address it will be sent to, when the source has no public one. */
  readonly url?: string | undefined;
}

/** A signature, as it is sent. */
export interface Signed {
  /** Lower-case names. */
  readonly headers: Record<string, string>;
  /** What must stand behind the source's address; empty or from `?` on. */
  readonly query: string;
}

/**
 * What makes the source's verifier accept `body`. A timestamp that belongs in the body must be there.
 *
 * @throws {CodedError} `config_invalid` when the source has no secret, or only a public key
 */
export async function sign(
  source: SigningSource,
  { body, nowMs, id, contentType, url }: SignInput,
): Promise<Signed> {
  const { signature, dedupe } = source;
  const { parts, timestamp: rule } = signature;
  const timestamp = rule === null ? "" : formatTimestamp(nowMs, rule.format);
  const headers: Record<string, string> = {};
  const [stampName = ""] = rule?.names ?? [];
  if (rule?.from === "header") headers[stampName] = timestamp;
  if (dedupe.by === "header" && dedupe.names[0] !== undefined) headers[dedupe.names[0]] = id;

  const fields = isForm(contentType ?? null) ? parseForm(body) : undefined;
  const query = signature.body_hash_query !== null && fields === undefined
    ? `?${signature.body_hash_query}=${encodeHex(await sha256(body))}`
    : "";
  const value = signature.prefix + await signatureText(source, {
    timestamp,
    id,
    body,
    url: `${source.public_url ?? url ?? ""}${query}`,
    form: fields === undefined ? "" : sortedForm(fields),
  });
  headers[signature.headers[0] ?? ""] = parts === null ? value : [
    ...(rule?.from === "part" ? [[stampName, timestamp]] : []),
    [parts.signature, value],
  ].map((pair) => pair.join(parts.assign)).join(parts.separator);
  return { headers, query };
}

const ENCODERS = { hex: encodeHex, base64: encodeBase64, base64url: encodeBase64Url } as const;

async function signatureText(
  { signature, secret }: SigningSource,
  values: SignedValues,
): Promise<string> {
  const key = secret === null ? undefined : keyOf(signature, secret);
  if (secret === null || key === undefined) {
    throw new CodedError("config_invalid", "Cannot sign: the source has no usable secret");
  }
  const { algorithm, signed, encoding } = signature;
  if (algorithm === "raw-token") return secret;
  const input = compileSigned(signed)(values);
  if (algorithm !== "ed25519") return ENCODERS[encoding](await createMac(algorithm, key)(input));
  const seed = ed25519KeyOf(key)?.seed;
  if (seed === undefined) {
    const message = "Cannot sign: the secret is only the provider's public key; " +
      "to try the source out, set a key of your own with the private half before the public one";
    throw new CodedError("config_invalid", message);
  }
  return ENCODERS[encoding](await signEd25519(seed, joinedBytes(input)));
}

/**
 * Signs a body as a source's sender would, to try a source out.
 *
 * @module
 */
import { CodedError } from "../contract/mod.ts";
import { type Bytes, encodeBase64, encodeHex } from "./bytes.ts";
import { createMac } from "./mac.ts";
import { compileSigned } from "./signed.ts";
import type { SigningSource } from "./verifier.ts";

/** What to sign. */
export interface SignInput {
  readonly body: Bytes;
  readonly nowMs: number;
  /** The delivery's id; sent where the source dedupes by a header. */
  readonly id: string;
}

/**
 * The headers, lower-case, that make the source's verifier accept `body`.
 *
 * @throws {CodedError} `config_invalid` when the source has no secret
 */
export async function sign(
  source: SigningSource,
  { body, nowMs, id }: SignInput,
): Promise<Record<string, string>> {
  const { signature, dedupe, secret } = source;
  if (secret === null || secret === "") {
    throw new CodedError("config_invalid", "Cannot sign: the source has no secret");
  }
  const { parts, timestamp: rule } = signature;
  const timestamp = rule === null ? "" : formatTimestamp(nowMs, rule.format);
  const headers: Record<string, string> = {};
  if (rule?.from === "header") headers[rule.name] = timestamp;
  if (dedupe.by === "header" && dedupe.names[0] !== undefined) headers[dedupe.names[0]] = id;

  const value = signature.prefix + await signatureText(source, secret, { timestamp, id, body });
  headers[signature.header] = parts === null ? value : [
    ...(rule?.from === "part" ? [[rule.name, timestamp]] : []),
    [parts.signature, value],
  ].map((pair) => pair.join(parts.assign)).join(parts.separator);
  return headers;
}

async function signatureText(
  { signature }: SigningSource,
  secret: string,
  values: { timestamp: string; id: string; body: Bytes },
): Promise<string> {
  const { algorithm, signed, encoding } = signature;
  if (algorithm === "raw-token") return secret;
  const bytes = await createMac(algorithm, secret)(compileSigned(signed)(values));
  return encoding === "hex" ? encodeHex(bytes) : encodeBase64(bytes);
}

function formatTimestamp(nowMs: number, format: "unix" | "unix_ms" | "rfc3339"): string {
  switch (format) {
    case "unix":
      return String(Math.floor(nowMs / 1000));
    case "unix_ms":
      return String(nowMs);
    case "rfc3339":
      return new Date(nowMs).toISOString();
  }
}

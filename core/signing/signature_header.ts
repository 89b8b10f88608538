/**
 * The header that carries signatures, taken apart.
 *
 * @module
 */
import type { ResolvedSource } from "../contract/mod.ts";
import { type Bytes, decodeBase64, decodeBase64Url, decodeHex } from "./bytes.ts";

/** Why no signature can be read from a header. */
export type SignaturesFailure =
  | "signature_missing"
  | "signature_doubled"
  | "signature_malformed"
  | "prefix_missing";

/** What a header carries. */
export interface Signatures {
  readonly ok: true;
  readonly signatures: readonly Bytes[];
  /** All of its parts, signatures or not, when it has parts. */
  readonly parts: readonly (readonly [key: string, value: string])[];
}

type Refused = { readonly ok: false; readonly reason: SignaturesFailure };

/** More signatures in one header than this are not looked at: each costs a comparison. */
const MAX_SIGNATURES = 16;

const encoder = new TextEncoder();
const NO_PARTS: Signatures["parts"] = [];

/** The signatures of a header's value, or why there are none. */
export function readSignatures(
  signature: ResolvedSource["signature"],
  header: string | undefined,
): Signatures | Refused {
  if (header === undefined) return refused("signature_missing");
  const isToken = signature.algorithm === "raw-token";
  // No signature contains it, so it is the seam between two headers of the same name.
  if (!isToken && header.includes(", ")) return refused("signature_doubled");
  const parts = signature.parts === null ? NO_PARTS : splitParts(header, signature.parts);
  const texts = signature.parts === null
    ? [header]
    : parts.filter(([key]) => key === signature.parts?.signature).map(([, value]) => value);
  if (texts.length === 0) return refused("signature_missing");

  const signatures: Bytes[] = [];
  for (const text of texts.slice(0, MAX_SIGNATURES)) {
    if (!text.startsWith(signature.prefix)) return refused("prefix_missing");
    const value = text.slice(signature.prefix.length);
    const bytes = isToken ? encoder.encode(value) : DECODERS[signature.encoding](value);
    if (bytes === undefined || bytes.length === 0) return refused("signature_malformed");
    signatures.push(bytes);
  }
  return { ok: true, signatures, parts };
}

const DECODERS = { hex: decodeHex, base64: decodeBase64, base64url: decodeBase64Url } as const;

function refused(reason: SignaturesFailure): Refused {
  return { ok: false, reason };
}

function splitParts(
  header: string,
  { separator, assign }: { separator: string; assign: string },
): [string, string][] {
  return header.split(separator).map((part) => {
    const at = part.indexOf(assign);
    return at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + assign.length)];
  });
}

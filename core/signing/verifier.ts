/**
 * Tells whether a request was signed by who shares a source's secret.
 *
 * @module
 */
import type { EdgeSource } from "../contract/mod.ts";
import { type Bytes, decodeBase64, decodeHex, equalBytes } from "./bytes.ts";
import { type CreateMac, createMac as createWebMac } from "./mac.ts";
import { compileSigned } from "./signed.ts";

/** What of a source decides how it is signed. */
export type SigningSource = Pick<
  EdgeSource,
  "signature" | "dedupe" | "secret" | "previous_secret" | "previous_secret_until_ms"
>;

/** Request headers: repeated ones joined by `", "`, as `Headers` does. */
export interface HeaderReader {
  get(name: string): string | null;
}

/** One request to check. */
export interface VerifyInput {
  readonly headers: HeaderReader;
  /** The raw bytes as received. */
  readonly body: Bytes;
  readonly nowMs: number;
}

/** Why a request is refused; for logs, not for the sender. */
export type VerifyFailure =
  | "secret_missing"
  | "signature_missing"
  | "signature_doubled"
  | "signature_malformed"
  | "signature_mismatch"
  | "prefix_missing"
  | "timestamp_missing"
  | "timestamp_malformed"
  | "timestamp_outside_window"
  | "id_missing";

/** `timestamp` is the sender's own text when the signature covers it, else null. */
export type Verdict =
  | { readonly ok: true; readonly timestamp: string | null }
  | { readonly ok: false; readonly reason: VerifyFailure };

/** Checks one request. */
export type Verify = (input: VerifyInput) => Promise<Verdict>;

/** More signatures in one header than this are not looked at: each costs a comparison. */
const MAX_SIGNATURES = 16;

const encoder = new TextEncoder();

/**
 * Returns a {@linkcode Verify} with the source's keys and template prepared.
 *
 * `createMac` may bring a runtime's own HMAC: where WebCrypto hops to another thread, that hop costs
 * more than the rest of a request.
 */
export function createVerifier(
  source: SigningSource,
  createMac: CreateMac = createWebMac,
): Verify {
  const { signature, secret, previous_secret: previous, previous_secret_until_ms: untilMs } =
    source;
  if (secret === null || secret === "") return () => Promise.resolve(refused("secret_missing"));
  const fits = createMatcher(source, secret, createMac);
  const fitsPrevious = previous === null || previous === "" || untilMs === null
    ? undefined
    : createMatcher(source, previous, createMac);
  const timestampIsSigned = signature.signed.includes("{timestamp}") &&
    signature.algorithm !== "raw-token";
  const idHeaders = source.dedupe.by === "header" && signature.signed.includes("{id}")
    ? source.dedupe.names
    : undefined;

  return async function verify({ headers, body, nowMs }) {
    const read = readSignatures(signature, headers.get(signature.header));
    if (!read.ok) return read;
    const stamp = readTimestamp(signature.timestamp, read, headers, nowMs);
    if (!stamp.ok) return stamp;
    const id = idHeaders === undefined ? "" : firstHeader(headers, idHeaders);
    if (id === undefined) return refused("id_missing");

    const values = { timestamp: stamp.text, id, body };
    const matches = await fits(read.signatures, values) ||
      (fitsPrevious !== undefined && untilMs !== null && nowMs < untilMs &&
        await fitsPrevious(read.signatures, values));
    if (!matches) return refused("signature_mismatch");
    return { ok: true, timestamp: timestampIsSigned ? stamp.text : null };
  };
}

/** The value of the first of `names` that the request carries and that is not empty. */
export function firstHeader(headers: HeaderReader, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = headers.get(name);
    if (value !== null && value !== "") return value;
  }
  return undefined;
}

type Refused = Extract<Verdict, { ok: false }>;
type Signatures = {
  readonly ok: true;
  readonly signatures: readonly Bytes[];
  readonly parts: readonly (readonly [string, string])[];
};
type Matcher = (
  signatures: readonly Bytes[],
  values: { timestamp: string; id: string; body: Bytes },
) => Promise<boolean>;

function refused(reason: VerifyFailure): Refused {
  return { ok: false, reason };
}

function createMatcher(
  { signature }: SigningSource,
  secret: string,
  createMac: CreateMac,
): Matcher {
  if (signature.algorithm === "raw-token") {
    const token = encoder.encode(secret);
    return (given) => Promise.resolve(given.some((value) => equalBytes(value, token)));
  }
  const mac = createMac(signature.algorithm, secret);
  const signedBytes = compileSigned(signature.signed);
  return async (given, values) => {
    const expected = await mac(signedBytes(values));
    return given.some((value) => equalBytes(value, expected));
  };
}

function readSignatures(
  signature: SigningSource["signature"],
  header: string | null,
): Signatures | Refused {
  if (header === null || header === "") return refused("signature_missing");
  const isToken = signature.algorithm === "raw-token";
  // No signature contains it, so it is the seam between two headers of the same name.
  if (!isToken && header.includes(", ")) return refused("signature_doubled");
  const parts = signature.parts === null ? [] : splitParts(header, signature.parts);
  const texts = signature.parts === null
    ? [header]
    : parts.filter(([key]) => key === signature.parts?.signature).map(([, value]) => value);
  if (texts.length === 0) return refused("signature_missing");

  const signatures: Bytes[] = [];
  for (const text of texts.slice(0, MAX_SIGNATURES)) {
    if (!text.startsWith(signature.prefix)) return refused("prefix_missing");
    const value = text.slice(signature.prefix.length);
    const bytes = isToken ? encoder.encode(value) : decoderOf(signature.encoding)(value);
    if (bytes === undefined || bytes.length === 0) return refused("signature_malformed");
    signatures.push(bytes);
  }
  return { ok: true, signatures, parts };
}

function decoderOf(encoding: "hex" | "base64"): (text: string) => Bytes | undefined {
  return encoding === "hex" ? decodeHex : decodeBase64;
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

function readTimestamp(
  rule: SigningSource["signature"]["timestamp"],
  { parts }: Signatures,
  headers: HeaderReader,
  nowMs: number,
): { readonly ok: true; readonly text: string } | Refused {
  if (rule === null) return { ok: true, text: "" };
  const found = rule.from === "header"
    ? [headers.get(rule.name) ?? ""]
    : parts.filter(([key]) => key === rule.name).map(([, value]) => value);
  const [text = "", ...others] = found;
  if (others.length > 0) return refused("signature_doubled");
  if (text === "") return refused("timestamp_missing");
  const sentMs = parseTimestamp(text, rule.format);
  if (sentMs === undefined) return refused("timestamp_malformed");
  // Both directions: a stamp from the future would stay valid for as long as its lead.
  if (Math.abs(nowMs - sentMs) > rule.tolerance_ms) return refused("timestamp_outside_window");
  return { ok: true, text };
}

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

function parseTimestamp(text: string, format: "unix" | "unix_ms" | "rfc3339"): number | undefined {
  if (format === "rfc3339") {
    const ms = RFC3339.test(text) ? Date.parse(text) : Number.NaN;
    return Number.isNaN(ms) ? undefined : ms;
  }
  if (!/^\d{1,15}$/.test(text)) return undefined;
  return format === "unix" ? Number(text) * 1000 : Number(text);
}

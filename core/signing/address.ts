/**
 * Signatures over a public address: which addresses it may have been, and what then covers the body.
 *
 * @module
 */
import type { ResolvedSource } from "../contract/mod.ts";
import { type Bytes, encodeHex, equalBytes } from "./bytes.ts";
import { isForm, parseForm, sortedForm } from "./form.ts";
import { type HeaderReader } from "./headers.ts";
import { sha256 } from "./mac.ts";

/** A source whose signature covers its address. */
export type AddressedSource = Pick<ResolvedSource, "public_url" | "path" | "signature">;

/** What a request was sent to and with. */
export interface AddressedRequest {
  readonly headers: HeaderReader;
  readonly body: Bytes;
  /** From `?` on, as sent; empty without one. */
  readonly query: string;
}

/** The addresses that may have been signed, and the form as text. */
export interface Addressed {
  readonly ok: true;
  readonly urls: readonly string[];
  readonly form: string;
}

const encoder = new TextEncoder();
const NOT_COVERED = { ok: false, reason: "body_not_covered" } as const;

/**
 * Says what of a request a signature over its address would cover.
 *
 * The body must be covered, too: as the fields of a form, or by its hash in the query.
 */
export async function readAddressed(
  { public_url, path, signature }: AddressedSource,
  { headers, body, query }: AddressedRequest,
): Promise<Addressed | typeof NOT_COVERED> {
  // As it was sent, and as a URL parser writes it: senders sign the one or the other.
  const queries = Array.from(new Set([query, new URL(`https://host/${query}`).search]));
  const addresses = publicUrls(public_url, path, headers);
  const urls = queries.flatMap((one) => addresses.map((url) => url + one));
  const hashParam = signature.body_hash_query;
  const hash = hashParam === null ? null : new URLSearchParams(query).get(hashParam);
  if (hash !== null) {
    const actual = encoder.encode(encodeHex(await sha256(body)));
    return equalBytes(encoder.encode(hash.toLowerCase()), actual)
      ? { ok: true, urls, form: "" }
      : NOT_COVERED;
  }
  if (body.length === 0) return { ok: true, urls, form: "" };
  const fields = isForm(headers.get("content-type")) ? parseForm(body) : undefined;
  return fields === undefined ? NOT_COVERED : { ok: true, urls, form: sortedForm(fields) };
}

/** Without a configured address the host is the request's word, which the signature then vouches for. */
function publicUrls(publicUrl: string | null, path: string, headers: HeaderReader): string[] {
  if (publicUrl !== null) return withPorts(publicUrl);
  const host = headers.get("host") ?? "";
  return ["https://", "http://"].flatMap((scheme) => withPorts(scheme + host + path));
}

/** Some senders sign the default port, others leave every port out. */
function withPorts(url: string): string[] {
  const parts = /^(https?:\/\/(?:\[[^\]]*\]|[^/:]*))(:\d+)?(.*)$/s.exec(url);
  if (parts === null) return [url];
  const [, host = "", port, rest = ""] = parts;
  if (port !== undefined) return [url, host + rest];
  return [url, `${host}:${host.startsWith("https:") ? 443 : 80}${rest}`];
}

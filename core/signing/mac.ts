/**
 * HMAC over bytes, the key imported once.
 *
 * @module
 */
import type { Soon } from "./at_once.ts";
import type { Bytes } from "./bytes.ts";

/** The HMAC algorithms providers use. */
export type MacAlgorithm = "hmac-sha256" | "hmac-sha1";

/** What is signed, in pieces that follow each other; texts stand for their UTF-8 bytes. */
export type MacInput = readonly (string | Bytes)[];

/** Makes the HMAC function of one key; the answer may come at once or later. */
export type CreateMac = (
  algorithm: MacAlgorithm,
  key: Bytes,
) => (input: MacInput) => Soon<Bytes>;

const HASHES = { "hmac-sha256": "SHA-256", "hmac-sha1": "SHA-1" } as const;

const encoder = new TextEncoder();

/**
 * Returns a function that makes the HMAC of its argument.
 *
 * The key is imported at the first call and kept: importing it each time costs 40 % of a request.
 */
export function createMac(
  algorithm: MacAlgorithm,
  key: Bytes,
): (input: MacInput) => Promise<Bytes> {
  let imported: Promise<CryptoKey> | CryptoKey | undefined;
  return async function mac(input) {
    imported ??= crypto.subtle.importKey(
      "raw",
      key,
      { name: "HMAC", hash: HASHES[algorithm] },
      false,
      ["sign"],
    );
    if (imported instanceof Promise) imported = await imported;
    return new Uint8Array(await crypto.subtle.sign("HMAC", imported, joinedBytes(input)));
  };
}

/** The pieces as one. */
export function joinedBytes(input: MacInput): Bytes {
  const chunks = input.map((piece) => typeof piece === "string" ? encoder.encode(piece) : piece);
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) return only;
  const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** The SHA-256 of bytes. */
export async function sha256(data: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

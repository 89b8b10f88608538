/**
 * From a configured secret to the bytes of a key.
 *
 * @module
 */
import type { ResolvedSource } from "../contract/mod.ts";
import { type Bytes, decodeHex, decodeUnpadded } from "./bytes.ts";

const encoder = new TextEncoder();
const SEED_BYTES = 32;

/** The bytes a secret stands for, or undefined when it cannot be read. */
export function keyOf(
  { secret_format: format }: Pick<ResolvedSource["signature"], "secret_format">,
  secret: string,
): Bytes | undefined {
  const key = format === "text"
    ? encoder.encode(secret)
    : format === "hex"
    ? decodeHex(secret)
    : decodeUnpadded(secret.replace(/^wh(?:sec|pk|sk)_/, ""));
  return key?.length === 0 ? undefined : key;
}

/** An Ed25519 key: 32 bytes are the public half; in 64 the private half stands before it. */
export interface Ed25519Key {
  readonly publicKey: Bytes;
  readonly seed: Bytes | undefined;
}

/** The halves of an Ed25519 key, or undefined when it has another length. */
export function ed25519KeyOf(key: Bytes): Ed25519Key | undefined {
  if (key.length === SEED_BYTES) return { publicKey: key, seed: undefined };
  if (key.length !== 2 * SEED_BYTES) return undefined;
  return { seed: key.slice(0, SEED_BYTES), publicKey: key.slice(SEED_BYTES) };
}

/** What stands before the seed in PKCS #8, the only form in which WebCrypto takes a private half. */
const PKCS8_HEAD = decodeHex("302e020100300506032b657004220420") ?? new Uint8Array();

/** Returns a function that tells whether a signature over bytes is this key's. */
export function createEd25519Check(
  publicKey: Bytes,
): (signature: Bytes, data: Bytes) => Promise<boolean> {
  let imported: Promise<CryptoKey> | undefined;
  return async (signature, data) => {
    imported ??= crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
    return crypto.subtle.verify("Ed25519", await imported, signature, data);
  };
}

/** Signs with the private half. */
export async function signEd25519(seed: Bytes, data: Bytes): Promise<Bytes> {
  const der = new Uint8Array(PKCS8_HEAD.length + seed.length);
  der.set(PKCS8_HEAD);
  der.set(seed, PKCS8_HEAD.length);
  const key = await crypto.subtle.importKey("pkcs8", der, "Ed25519", false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("Ed25519", key, data));
}

/**
 * Sealed bytes: AES-256-GCM, bound to the tenant, table and row they belong to.
 *
 * @module
 */
import { createCipheriv, createDecipheriv } from "node:crypto";

import { CodedError, type Random } from "../contract/mod.ts";

/** The row that sealed bytes belong to; they open nowhere else. */
export interface Where {
  readonly table: string;
  readonly account: string;
  readonly id: string;
}

const CIPHER = "aes-256-gcm";
const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Version (1 byte), key id (4, big-endian), nonce (12), tag (16); the ciphertext follows. */
const NONCE_AT = 5;
const TAG_AT = NONCE_AT + NONCE_BYTES;
const TEXT_AT = TAG_AT + TAG_BYTES;

/** Seals pieces as one with key number `keyId`; texts stand for their UTF-8. */
export function seal(
  { key, keyId }: { key: Buffer; keyId: number },
  where: Where,
  pieces: readonly (Uint8Array | string)[],
  random: Random,
): Uint8Array {
  const start = Buffer.allocUnsafe(TAG_AT);
  start[0] = VERSION;
  start.writeUInt32BE(keyId, 1);
  const nonce = random(start.subarray(NONCE_AT));
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(boundTo(start.subarray(0, NONCE_AT), where));
  const texts = pieces.map((piece) =>
    // The cipher's own way to take a text costs more than this.
    cipher.update(typeof piece === "string" ? Buffer.from(piece, "utf8") : piece)
  );
  cipher.final(); // GCM keeps nothing back; only now there is a tag
  return Buffer.concat([start, cipher.getAuthTag(), ...texts]);
}

/**
 * The plaintext of `sealed`.
 *
 * @throws {CodedError} `sealed_unreadable` when the key is not at hand, or bytes or row are others
 */
export function unseal(
  keyOf: (keyId: number) => Buffer | undefined,
  where: Where,
  sealed: Uint8Array,
): Buffer {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  if (bytes.length < TEXT_AT || bytes[0] !== VERSION) {
    throw unreadable(where, "the format is not known");
  }
  const keyId = bytes.readUInt32BE(1);
  const key = keyOf(keyId);
  if (key === undefined) throw unreadable(where, `key ${keyId} is missing`);
  const nonce = bytes.subarray(NONCE_AT, TAG_AT);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(boundTo(bytes.subarray(0, NONCE_AT), where));
  decipher.setAuthTag(bytes.subarray(TAG_AT, TEXT_AT));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(TEXT_AT)), decipher.final()]);
  } catch (cause) {
    throw unreadable(where, `it was changed, moved or sealed with another key ${keyId}`, cause);
  }
}

/** JSON keeps the parts apart, whatever they contain. */
function boundTo(header: Uint8Array, { account, table, id }: Where): Buffer {
  return Buffer.concat([header, Buffer.from(JSON.stringify([account, table, id]), "utf8")]);
}

function unreadable({ table, id }: Where, state: string, cause?: unknown): CodedError {
  const message = `Cannot open sealed "${table}" row "${id}": ${state}`;
  return new CodedError("sealed_unreadable", message, { cause });
}

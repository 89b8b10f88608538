/**
 * Hand-offs that only core can read: AES-256-GCM, bound to the subject they travel on.
 *
 * @module
 */
import { CodedError, type Random } from "../contract/mod.ts";

/** Makes messages unreadable on their way, and readable again. */
export interface HandoffSeal {
  /** Says first whether it is sealed, so that two sides that disagree can tell. */
  wrap(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
  /** @throws {CodedError} `sealed_unreadable` */
  unwrap(wrapped: Uint8Array): Promise<Uint8Array>;
}

/** First byte of a message. */
const PLAIN = 1;
const SEALED = 2;
const NONCE_BYTES = 12;
const MIN_KEY_BYTES = 32;
/** Keeps this use of an edge's key apart from any other. */
const PURPOSE = "nexo hand-off";

const encoder = new TextEncoder();

/**
 * The bytes of `NEXO_EDGE_KEY`: pairs of hex digits, or any other text as it is. Undefined without one.
 *
 * @throws {CodedError} `config_invalid` when it is too short
 */
export function parseEdgeKey(text = ""): Uint8Array | undefined {
  if (text === "") return undefined;
  const isHex = /^(?:[0-9a-f]{2})+$/i.test(text);
  const bytes = isHex
    ? Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
    : encoder.encode(text);
  if (bytes.length >= MIN_KEY_BYTES) return bytes;
  throw new CodedError(
    "config_invalid",
    `Cannot use NEXO_EDGE_KEY: it has ${bytes.length} bytes, not ${MIN_KEY_BYTES} or more`,
  );
}

/** A seal for messages on any subject. */
export interface SubjectSeal {
  /** See {@linkcode HandoffSeal.wrap}; what is sealed for one subject opens on no other. */
  wrap(message: Uint8Array<ArrayBuffer>, subject: string): Promise<Uint8Array<ArrayBuffer>>;
  /** @throws {CodedError} `sealed_unreadable` */
  unwrap(wrapped: Uint8Array, subject: string): Promise<Uint8Array>;
}

/**
 * A seal for messages on `subject`; without a key they stay as they are.
 *
 * @throws {RangeError} when the key is under 32 bytes
 */
export async function openHandoffSeal({ subject, ...settings }: {
  key: Uint8Array | undefined;
  subject: string;
  random: Random;
  /** Names such a message in errors. @default {"a hand-off"} */
  what?: string | undefined;
}): Promise<HandoffSeal> {
  const seal = await openSubjectSeal(settings);
  return {
    wrap: (message) => seal.wrap(message, subject),
    unwrap: (wrapped) => seal.unwrap(wrapped, subject),
  };
}

/**
 * A seal for messages on many subjects; without a key they stay as they are.
 *
 * @throws {RangeError} when the key is under 32 bytes
 */
export async function openSubjectSeal({ key, random, what = "a hand-off", purpose = PURPOSE }: {
  key: Uint8Array | undefined;
  random: Random;
  what?: string | undefined;
  /** Each purpose has a key of its own. */
  purpose?: string | undefined;
}): Promise<SubjectSeal> {
  const unreadable = (state: string, cause?: unknown): CodedError =>
    new CodedError("sealed_unreadable", `Cannot open ${what}: ${state}`, { cause });
  if (key === undefined) return createPlain(unreadable);
  if (key.length < MIN_KEY_BYTES) {
    throw new RangeError(`Cannot seal hand-offs: the key has ${key.length} bytes, not 32 or more`);
  }
  const aes = await deriveKey(key, purpose);

  return {
    async wrap(message, subject) {
      const iv = random(new Uint8Array(NONCE_BYTES));
      const sealed = await crypto.subtle.encrypt(
        { name: "AES-GCM", iv, additionalData: encoder.encode(subject) },
        aes,
        message,
      );
      const wrapped = new Uint8Array(1 + NONCE_BYTES + sealed.byteLength);
      wrapped[0] = SEALED;
      wrapped.set(iv, 1);
      wrapped.set(new Uint8Array(sealed), 1 + NONCE_BYTES);
      return wrapped;
    },
    async unwrap(wrapped, subject) {
      if (wrapped[0] !== SEALED) {
        throw unreadable("it is not sealed, and NEXO_EDGE_KEY is set here");
      }
      const bytes = new Uint8Array(wrapped);
      const iv = bytes.subarray(1, 1 + NONCE_BYTES);
      try {
        const opened = await crypto.subtle.decrypt(
          { name: "AES-GCM", iv, additionalData: encoder.encode(subject) },
          aes,
          bytes.subarray(1 + NONCE_BYTES),
        );
        return new Uint8Array(opened);
      } catch (cause) {
        throw unreadable("it was changed or sealed with another NEXO_EDGE_KEY", cause);
      }
    },
  };
}

function createPlain(unreadable: (state: string) => CodedError): SubjectSeal {
  return {
    wrap(message) {
      const wrapped = new Uint8Array(1 + message.length);
      wrapped[0] = PLAIN;
      wrapped.set(message, 1);
      return Promise.resolve(wrapped);
    },
    unwrap(wrapped) {
      if (wrapped[0] === PLAIN) return Promise.resolve(wrapped.subarray(1));
      const state = wrapped[0] === SEALED
        ? "it is sealed, and NEXO_EDGE_KEY is not set here"
        : "its form is not known";
      return Promise.reject(unreadable(state));
    },
  };
}

async function deriveKey(key: Uint8Array, purpose: string): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey("raw", Uint8Array.from(key), "HKDF", false, [
    "deriveKey",
  ]);
  return crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encoder.encode(purpose) },
    base,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt", "decrypt"],
  );
}

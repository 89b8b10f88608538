/**
 * The keys that sign tokens: one for new ones, and the public halves of those whose tokens still live.
 *
 * All of them are one file, a JWK set, which is replaced as a whole: a crash leaves the old or the new.
 *
 * @module
 */
import { createPrivateKey } from "node:crypto";

import { calculateJwkThumbprint, type JWK } from "jose";
import { z } from "zod";

import { type Clock, CodedError, type Random } from "../contract/mod.ts";
import { openSecretFile, randomBytes, replaceSecretFile } from "./key_files.ts";

/** The algorithm of every token. */
export const TOKEN_ALGORITHM = "EdDSA";

/** What tokens are signed and checked with. */
export interface TokenKeys {
  /** The private key for new tokens, and its id. */
  readonly current: () => { readonly key: JWK; readonly kid: string };
  /** The public half of a key whose tokens are good now. */
  readonly find: (kid: string | undefined) => PublicTokenKey | undefined;
  /** The public half of the one in use. */
  readonly publicJwk: () => PublicTokenKey;
  /** All that {@linkcode find} finds, the newest first, with `kid` and `alg`. */
  readonly publicJwks: () => PublicTokenKey[];
  /**
   * Makes a key and signs with it once it is on disk. Tokens of the one before stay good until
   * `previousUntilMs`; with `forgetOlder` those of still older ones end at once. Returns the new key's id.
   */
  readonly rotate: (
    options: { previousUntilMs: number; forgetOlder: boolean },
  ) => Promise<string>;
}

/** An Ed25519 private key in PKCS #8 is this and its 32 bytes. */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

const PublicPart = z.object({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: z.string() });
const SigningKey = PublicPart.extend({ d: z.string() });
const RetiredKey = PublicPart.extend({ verify_until_ms: z.int() });

/** The key in use, and after it the retired ones. A file of an older version is the key alone. */
const KeyFile = z.union([
  z.object({ keys: z.tuple([SigningKey], RetiredKey) }),
  SigningKey.transform((key) => ({ keys: [key] as [typeof key] })),
]);

type SigningKey = z.infer<typeof SigningKey>;
type PublicPart = z.infer<typeof PublicPart>;

/** What tokens are verified with. */
export interface PublicTokenKey extends PublicPart {
  readonly kid: string;
  readonly alg: string;
  readonly use: "sig";
  readonly [field: string]: unknown;
}

interface Known {
  readonly jwk: PublicTokenKey;
  /** Undefined for the one in use. */
  readonly untilMs: number | undefined;
}
interface KeySet {
  readonly signing: SigningKey;
  /** The one in use first, then the newer before the older. */
  readonly known: readonly [Known, ...Known[]];
}

/**
 * Opens the file at `path`; made with a first key when there is none.
 *
 * @throws {CodedError} `config_invalid` when it is damaged
 */
export async function openTokenKeys(
  { path, random, now }: { path: string; random: Random; now: Clock },
): Promise<TokenKeys> {
  const makeText = () => fileText(createSigningKey(randomBytes(random, 32)), []);
  let keys = await parseKeys(await openSecretFile(path, random, makeText), path);

  const living = (): Known[] =>
    keys.known.filter(({ untilMs }) => untilMs === undefined || untilMs > now());

  return {
    current: () => ({ key: keys.signing, kid: keys.known[0].jwk.kid }),
    find: (kid) => living().find(({ jwk }) => jwk.kid === kid)?.jwk,
    publicJwk: () => ({ ...keys.known[0].jwk }),
    publicJwks: () => living().map(({ jwk }) => ({ ...jwk })),
    async rotate({ previousUntilMs, forgetOlder }) {
      const [inUse, ...older] = living();
      const retired = [
        ...(inUse === undefined ? [] : [{ ...inUse, untilMs: previousUntilMs }]),
        ...(forgetOlder ? [] : older),
      ].filter(({ untilMs = 0 }) => untilMs > now());
      const text = fileText(createSigningKey(randomBytes(random, 32)), retired);
      const next = await parseKeys(text, path);
      await replaceSecretFile(path, random, text);
      keys = next;
      return keys.known[0].jwk.kid;
    },
  };
}

function createSigningKey(seed: Uint8Array): JWK {
  const der = Buffer.concat([PKCS8_PREFIX, seed]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" }).export({
    format: "jwk",
  });
}

function fileText(signing: JWK, retired: readonly Known[]): string {
  const old = retired.map(({ jwk: { kty, crv, x }, untilMs }) => ({
    kty,
    crv,
    x,
    verify_until_ms: untilMs,
  }));
  return `${JSON.stringify({ keys: [signing, ...old] }, null, 2)}\n`;
}

async function parseKeys(text: string, path: string): Promise<KeySet> {
  const { keys: [signing, ...retired] } = parseFile(text, path);
  return {
    signing,
    known: [
      { jwk: await publicJwk(signing), untilMs: undefined },
      ...await Promise.all(retired.map(async (key) => ({
        jwk: await publicJwk(key),
        untilMs: key.verify_until_ms,
      }))),
    ],
  };
}

function parseFile(text: string, path: string): z.infer<typeof KeyFile> {
  try {
    return KeyFile.parse(JSON.parse(text));
  } catch (cause) {
    const message =
      `Cannot read key "${path}": no Ed25519 private JWK, nor a set that begins with one`;
    throw new CodedError("config_invalid", message, { cause });
  }
}

async function publicJwk({ kty, crv, x }: PublicPart): Promise<Known["jwk"]> {
  const kid = await calculateJwkThumbprint({ kty, crv, x });
  return { kty, crv, x, kid, alg: TOKEN_ALGORITHM, use: "sig" };
}

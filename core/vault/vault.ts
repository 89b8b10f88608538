/**
 * The keys of one home directory, and everything done with them.
 *
 * @module
 */
import { createHash, createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { LRUCache } from "lru-cache";

import { type Clock, createUuids, type Random } from "../contract/mod.ts";
import {
  createKeysDir,
  createKeyText,
  createSecretFile,
  openKeyFile,
  parseKey,
} from "./key_files.ts";
import { seal, unseal, type Where } from "./sealing.ts";
import { openTokenKeys } from "./token_keys.ts";
import { createTokens, type Tokens } from "./tokens.ts";

/** Where the keys are and what makes new ones. */
export interface VaultOptions {
  /** For example `$NEXO_HOME/keys`; made (mode 0700) when there is none. */
  keysDir: string;
  random: Random;
  now: Clock;
}

/** Seals, signs and authenticates. Keys are read once, when the vault opens. */
export interface Vault extends Tokens {
  /**
   * Encrypts for one row of one tenant, with the newest key. The pieces are sealed as one; texts stand
   * for their UTF-8.
   */
  seal(where: Where, ...pieces: readonly (Uint8Array | string)[]): Uint8Array;
  /** @throws {CodedError} `sealed_unreadable` when key, row or bytes are not those it was sealed with */
  open(where: Where, sealed: Uint8Array): Uint8Array;
  /** {@linkcode Vault.open} for what was sealed as text. */
  openText(where: Where, sealed: Uint8Array): string;
  /** Adds a sealing key and seals with it from now on; older keys still open. Returns its number. */
  readonly rotateSealingKey: () => Promise<number>;
  /** Keyed HMAC-SHA256 as 64 hex digits; each purpose has a key of its own, the same for ever. */
  mac(purpose: string, text: string | Uint8Array): string;
  /** The secret that proves an operator on this machine: 64 hex digits. */
  operatorToken(): string;
  /** Whether `text` is the operator's secret, in time that tells nothing about it. */
  isOperatorToken(text: string): boolean;
}

const isSealingKey = /^sealing-(\d{4,9})\.key$/;

const MAX_PURPOSES = 1_000;

/**
 * Opens the vault. Missing keys are made, with mode 0600 from their first byte on.
 *
 * @throws {CodedError} `config_invalid` when a key file is damaged
 */
export async function openVault({ keysDir, random, now }: VaultOptions): Promise<Vault> {
  await createKeysDir(keysDir);
  const master = await openKeyFile(join(keysDir, "master.key"), random);
  const operator = (await openKeyFile(join(keysDir, "operator.key"), random)).toString("hex");
  const sealing = await openSealingKeys(keysDir, random);
  const tokens = createTokens({
    keys: await openTokenKeys({ path: join(keysDir, "token-signing.jwk"), random, now }),
    now,
    uuid: createUuids({ now, random }),
  });

  function open(where: Where, sealed: Uint8Array): Buffer {
    return unseal((keyId) => sealing.keys.get(keyId), where, sealed);
  }

  return {
    ...tokens,
    seal: (where, ...pieces) => seal(sealing.newest(), where, pieces, random),
    open,
    openText: (where, sealed) => open(where, sealed).toString("utf8"),
    rotateSealingKey: sealing.rotate,
    mac: createMac(master),
    operatorToken: () => operator,
    isOperatorToken: (text) => timingSafeEqual(sha256(text), sha256(operator)),
  };
}

interface SealingKeys {
  readonly keys: ReadonlyMap<number, Buffer>;
  newest(): { keyId: number; key: Buffer };
  readonly rotate: () => Promise<number>;
}

async function openSealingKeys(keysDir: string, random: Random): Promise<SealingKeys> {
  const keys = new Map<number, Buffer>();
  let newest: { keyId: number; key: Buffer } | undefined;

  async function add(keyId: number): Promise<void> {
    const path = sealingKeyPath(keysDir, keyId);
    const key = parseKey(path, await readFile(path, "utf8"));
    keys.set(keyId, key);
    if (newest === undefined || keyId > newest.keyId) newest = { keyId, key };
  }

  async function rotate(): Promise<number> {
    for (let keyId = (newest?.keyId ?? 0) + 1;; keyId++) {
      const created = await createSecretFile(
        sealingKeyPath(keysDir, keyId),
        random,
        createKeyText(random),
      );
      await add(keyId);
      if (created) return keyId;
    }
  }

  for (const file of await readdir(keysDir)) {
    const number = isSealingKey.exec(file)?.[1];
    if (number !== undefined) await add(Number(number));
  }
  if (newest === undefined) await rotate();

  return {
    keys,
    newest() {
      if (newest === undefined) throw new TypeError("Cannot seal: there is no key");
      return newest;
    },
    rotate,
  };
}

function sealingKeyPath(keysDir: string, keyId: number): string {
  return join(keysDir, `sealing-${String(keyId).padStart(4, "0")}.key`);
}

function createMac(master: Buffer): Vault["mac"] {
  const derived = new LRUCache<string, Buffer>({ max: MAX_PURPOSES });
  return function mac(purpose, text) {
    let key = derived.get(purpose);
    if (key === undefined) {
      key = Buffer.from(hkdfSync("sha256", master, "", `mac:${purpose}`, 32));
      derived.set(purpose, key);
    }
    return createHmac("sha256", key).update(text).digest("hex");
  };
}

/** Equal lengths for the comparison, whatever came in. */
function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

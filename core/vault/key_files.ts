/**
 * Secrets in files of their own, made once and readable by their owner only.
 *
 * @module
 */
import { link, mkdir, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";

import { CodedError, type Random } from "../contract/mod.ts";
import { replaceFile, syncDirectory, writeBeside } from "../settings/replace_file.ts";

/** Bytes of every symmetric key. */
const KEY_BYTES = 32;

const isKey = /^[0-9a-f]{64}\n?$/;

/** Fresh random bytes. */
export function randomBytes(random: Random, length: number): Uint8Array<ArrayBuffer> {
  return random(new Uint8Array(length));
}

/** Makes the directory of keys (mode 0700) when there is none. */
export async function createKeysDir(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
}

/** The 32 bytes in `path`, made on first use. */
export async function openKeyFile(path: string, random: Random): Promise<Buffer> {
  return parseKey(path, await openSecretFile(path, random, () => createKeyText(random)));
}

/** The text of a new key: 64 hex digits and a newline. */
export function createKeyText(random: Random): string {
  return `${Buffer.from(randomBytes(random, KEY_BYTES)).toString("hex")}\n`;
}

/** The bytes of a key file's text. */
export function parseKey(path: string, text: string): Buffer {
  if (!isKey.test(text)) {
    throw new CodedError("config_invalid", `Cannot read key "${path}": not 64 hex digits`);
  }
  return Buffer.from(text.trim(), "hex");
}

/** The text of `path`; when there is none, what `make` gives is put there first. */
export async function openSecretFile(
  path: string,
  random: Random,
  make: () => string,
): Promise<string> {
  const existing = await readSecretFile(path);
  if (existing !== undefined) return existing;
  await createSecretFile(path, random, make());
  return readFile(path, "utf8");
}

/** The text of `path`, undefined when there is none. */
export async function readSecretFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/**
 * Puts `text` into a new file, whole or not at all. Resolves with false when `path` exists; the
 * first of several processes wins.
 */
export async function createSecretFile(
  path: string,
  random: Random,
  text: string,
): Promise<boolean> {
  const temporary = await writeBeside(path, text, { nonce: nonceOf(random) });
  try {
    // Unlike a rename, a link never replaces a key that somebody already uses.
    await link(temporary, path);
  } catch (error) {
    if (isErrno(error, "EEXIST")) return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDirectory(dirname(path));
  return true;
}

/** Puts `text` into the file at `path`, mode 0600: whoever reads it finds the old or the new, whole. */
export async function replaceSecretFile(
  path: string,
  random: Random,
  text: string,
): Promise<void> {
  await replaceFile(path, text, { nonce: nonceOf(random) });
}

/** What tells one writer of a file from another. */
function nonceOf(random: Random): string {
  return Buffer.from(randomBytes(random, 8)).toString("hex");
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

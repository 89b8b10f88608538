/**
 * Secrets written while core runs: files that win over the environment, also after a restart.
 *
 * @module
 */
import { mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { replaceFile } from "./replace_file.ts";

/** The directory, below one for secrets, whose files win over the environment. */
export const WRITTEN_DIR = "written";

/**
 * Keeps a secret by its name: in `<dir>/<NAME>.txt`, where config files may name it, and among those
 * that win over the environment. Returns the former's path.
 *
 * @throws when the disk refuses; what was there before then still counts
 */
export async function writeSecret(
  dir: string,
  { name, value, nonce }: { name: string; value: string; nonce: string },
): Promise<string> {
  const path = join(dir, `${name}.txt`);
  await replaceSecret(path, value, nonce);
  await replaceSecret(join(dir, WRITTEN_DIR, `${name}.txt`), value, nonce);
  return path;
}

/** Everything `writeSecret` kept, by name. */
export async function readWrittenSecrets(dir: string): Promise<{ name: string; value: string }[]> {
  const written = join(dir, WRITTEN_DIR);
  const files = await readdir(written).catch(() => []);
  const names = files.filter((file) => file.endsWith(".txt")).toSorted();
  return Promise.all(names.map(async (file) => ({
    name: file.slice(0, -".txt".length),
    value: await readFile(join(written, file), "utf8"),
  })));
}

/** Replaces a file that nobody but its owner can ever read. */
async function replaceSecret(path: string, text: string, nonce: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await replaceFile(path, text, { mode: 0o600, nonce });
}

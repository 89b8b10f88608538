/**
 * Secrets written while core runs: files that win over the environment, also after a restart.
 *
 * @module
 */
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

const DIR_MODE = 0o700;
const FILE_MODE = 0o600;

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
  await replaceSecretFile(path, value, nonce);
  await replaceSecretFile(join(dir, WRITTEN_DIR, `${name}.txt`), value, nonce);
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

/** Replaces a file as a whole; nobody but its owner can ever read it. */
export async function replaceSecretFile(path: string, text: string, nonce: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: DIR_MODE });
  const temporary = `${path}.${nonce}.tmp`;
  const file = await open(temporary, "wx", FILE_MODE);
  try {
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  const parent = await open(dirname(path), "r");
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}

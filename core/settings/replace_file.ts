/**
 * Files replaced as a whole: whoever reads one finds the old text or the new.
 *
 * @module
 */
import { open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/** How a file is written. */
export interface ReplaceOptions {
  /** Its permissions. @default {0o600} */
  readonly mode?: number;
  /** Tells writers apart; nobody else's, and good for a file's name. */
  readonly nonce: string;
}

/** Puts `text` into the file at `path`, whose directory is there; it is on disk when this resolves. */
export async function replaceFile(
  path: string,
  text: string,
  options: ReplaceOptions,
): Promise<void> {
  const temporary = await writeBeside(path, text, options);
  try {
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDirectory(dirname(path));
}

/** Writes `text` to disk beside `path`, to be put in its place. Returns where. */
export async function writeBeside(
  path: string,
  text: string,
  { mode = 0o600, nonce }: ReplaceOptions,
): Promise<string> {
  const temporary = join(dirname(path), `.${nonce}.tmp`);
  const file = await open(temporary, "wx", mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return temporary;
}

/** Makes sure that a power cut takes no new name of `dir` away. */
export async function syncDirectory(dir: string): Promise<void> {
  const directory = await open(dir, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

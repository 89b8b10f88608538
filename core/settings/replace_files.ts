/**
 * Replaces files: each as a whole, all of them or none, and never one that somebody else has changed.
 *
 * @module
 */
import { readFileSync, renameSync } from "node:fs";
import { mkdir, open, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CodedError, messageOf } from "../contract/mod.ts";
import type { FileChange } from "./draft.ts";
import { syncDirectory } from "./replace_file.ts";

const LOCK_NAME = ".nexo-write.lock";
/** A lock this old was left by a process that is gone: a change takes milliseconds. */
const STALE_LOCK_MS = 30_000;
const FILE_MODE = 0o644;

/** Puts the files back as they were, unless somebody has changed them since. */
export type Undo = () => Promise<void>;

/**
 * Writes `changes` to disk, each by a rename of a file that is complete and synced.
 *
 * @throws {CodedError} `conflict` when a file does not hold its `before` any more, or another process
 * is changing files here; `config_unwritable` when the disk refuses
 */
export async function replaceFiles(
  changes: readonly FileChange[],
  { lockDir, nonce }: { lockDir: string; nonce: string },
): Promise<Undo> {
  await replaceAll(changes, { lockDir, nonce });
  return async () => {
    const back = changes.flatMap(({ file, before, after }): FileChange[] =>
      before === undefined ? [] : [{ file, before: after, after: before }]
    );
    await replaceAll(back, { lockDir, nonce });
    for (const { file, before } of changes) if (before === undefined) await rm(file);
  };
}

async function replaceAll(
  changes: readonly FileChange[],
  { lockDir, nonce }: { lockDir: string; nonce: string },
): Promise<void> {
  const lock = await takeLock(join(lockDir, LOCK_NAME));
  const temporary = changes.map(({ file }) => `${file}.${nonce}.tmp`);
  try {
    for (const [i, { file, after }] of changes.entries()) {
      await mkdir(dirname(file), { recursive: true });
      await writeSynced(temporary[i] ?? "", after, await modeOf(file));
    }
    // Nothing else of this process runs between the comparison and the renames.
    for (const { file, before } of changes) {
      if (readNow(file) === before) continue;
      throw new CodedError("conflict", `Cannot change ${file}: it was changed by somebody else`);
    }
    changes.forEach(({ file }, i) => renameSync(temporary[i] ?? "", file));
    await Promise.all([...new Set(changes.map(({ file }) => dirname(file)))].map(syncDirectory));
  } catch (error) {
    if (error instanceof CodedError) throw error;
    const message = `yaml write failed: ${messageOf(error)}`;
    throw new CodedError("config_unwritable", message, { cause: error });
  } finally {
    await Promise.all(temporary.map((file) => rm(file, { force: true })));
    await lock[Symbol.asyncDispose]();
  }
}

async function takeLock(path: string): Promise<AsyncDisposable> {
  for (const last of [false, true]) {
    try {
      const file = await open(path, "wx", 0o600);
      await file.close();
      return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EEXIST") {
        const message = `yaml write failed: ${messageOf(error)}`;
        throw new CodedError("config_unwritable", message, { cause: error });
      }
      if (!last) await dropStaleLock(path);
    }
  }
  throw new CodedError("conflict", `Cannot change config: another process holds ${path}`);
}

async function dropStaleLock(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined); // gone meanwhile: free
  if (found !== undefined && Date.now() - found.mtimeMs > STALE_LOCK_MS) {
    await rm(path, { force: true });
  }
}

/** A file a person made readable to some stays readable to them alone. */
async function modeOf(file: string): Promise<number> {
  const found = await stat(file).catch(() => undefined);
  return found === undefined ? FILE_MODE : found.mode & 0o777;
}

async function writeSynced(path: string, text: string, mode: number): Promise<void> {
  const file = await open(path, "wx", mode);
  try {
    await file.chmod(mode);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

function readNow(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

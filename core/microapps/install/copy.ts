/**
 * Copies a microapp's directory, and nothing from outside of it.
 *
 * @module
 */
import { copyFile, mkdir, opendir, readlink, realpath, symlink } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { CodedError } from "../../contract/mod.ts";
import { isWithin } from "../sandbox/place.ts";

/** What is copied. */
export interface CopyOptions {
  /** Absolute, without links. */
  readonly from: string;
  /** Is made. */
  readonly to: string;
  /** Where this program is installed: the one place outside that links may lead to, for its SDK. */
  readonly installDir: string;
}

/** More files than this are a mistake, such as a home directory. */
const MAX_ENTRIES = 200_000;
const LEFT_OUT: ReadonlySet<string> = new Set([".git", "__pycache__"]);

/**
 * Copies files, directories and links among them.
 *
 * @throws {CodedError} `install_refused` at a link that leads out, and at what is neither
 */
export async function copySource({ from, to, installDir }: CopyOptions): Promise<void> {
  let entries = 0;

  async function copyDir(dir: string): Promise<void> {
    await mkdir(join(to, relative(from, dir)), { recursive: true, mode: 0o755 });
    for await (const entry of await opendir(dir)) {
      if (LEFT_OUT.has(entry.name)) continue;
      entries += 1;
      if (entries > MAX_ENTRIES) throw refusal(from, `it holds more than ${MAX_ENTRIES} files`);
      const path = join(dir, entry.name);
      const target = join(to, relative(from, path));
      if (entry.isDirectory()) await copyDir(path);
      else if (entry.isFile()) await copyFile(path, target);
      else if (entry.isSymbolicLink()) await copyLink(path, target);
      else throw refusal(path, "it is neither a file nor a directory");
    }
  }

  async function copyLink(path: string, target: string): Promise<void> {
    const said = resolve(dirname(path), await readlink(path));
    const ends = await realpath(path).catch(() => said); // a link that leads nowhere yet
    // Commands in node_modules/.bin lead to this installation through the link to it, which is judged itself.
    if (isWithin(from, said) && (isWithin(from, ends) || isWithin(installDir, ends))) {
      await symlink(relative(dirname(path), said), target);
    } else if (ends === installDir) {
      await symlink(installDir, target);
    } else {
      throw refusal(path, `this link leads out of it, to "${ends}"; --link runs it where it lies`);
    }
  }

  await copyDir(from);
}

function refusal(path: string, why: string): CodedError {
  return new CodedError("install_refused", `Cannot copy "${path}": ${why}`);
}

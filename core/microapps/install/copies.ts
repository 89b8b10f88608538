/**
 * The copies of microapps in `$NEXO_HOME/extensions`: new ones, and old ones that go.
 *
 * @module
 */
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { CodedError, messageOf } from "../../contract/mod.ts";
import { copiesDir, copiesOf } from "../installed.ts";
import { copySource } from "./copy.ts";

/** What a new copy is made of. */
export interface NewCopy {
  readonly homeDir: string;
  readonly id: string;
  /** Absolute, without links. */
  readonly from: string;
  readonly installDir: string;
  /** Names the unfinished copy. */
  readonly nonce: string;
}

/**
 * Copies a microapp beside the version before, which goes on until the new one is there as a whole.
 *
 * @returns where it lies
 * @throws {CodedError} `install_refused`
 */
export async function addCopy({ homeDir, id, from, installDir, nonce }: NewCopy): Promise<string> {
  const dir = copiesDir(homeDir, id);
  const unfinished = join(dir, `.${nonce}.tmp`);
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await copySource({ from, to: unfinished, installDir });
    const newest = (await copiesOf(homeDir, id)).at(-1) ?? 0;
    const root = join(dir, `${newest + 1}`);
    await rename(unfinished, root);
    return root;
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (error instanceof CodedError) throw error;
    const message = `Cannot install "${id}": ${messageOf(error)}`;
    throw new CodedError("install_refused", message, { cause: error });
  }
}

/** Removes copies: `only` one, all but `keep`, or, with neither, all. */
export async function removeCopies(
  { homeDir, id, keep, only }: { homeDir: string; id: string; keep?: string; only?: string },
): Promise<void> {
  const dir = copiesDir(homeDir, id);
  if (only !== undefined) return rm(only, { recursive: true, force: true });
  if (keep === undefined) return rm(dir, { recursive: true, force: true });
  for (const number of await copiesOf(homeDir, id)) {
    const root = join(dir, `${number}`);
    if (root !== keep) await rm(root, { recursive: true, force: true });
  }
}

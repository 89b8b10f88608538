/**
 * A real store in a directory of its own.
 *
 * @module
 */
import { rmSync } from "node:fs";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Log } from "../../core/flow/log.ts";
import { openStore, type StoreOptions } from "../../core/store/open_store.ts";
import type { Store } from "../../core/store/store.ts";

/** A log nobody reads. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** The migrations of the product. */
export const migrationsDir = join(import.meta.dirname, "..", "..", "migrations");

/** A store and the directory that disposing removes. */
export interface TestStore extends AsyncDisposable {
  readonly store: Store;
  readonly dir: string;
  /** The database file's URL. */
  readonly url: string;
}

/** A file to which all migrations were applied, made once for the tests of a process. */
let migrated: Promise<string> | undefined;

async function migrate(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "migrated-"));
  process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, "core.db");
  const store = await openStore({
    url: `file:${path}`,
    migrationsDir,
    now: Date.now,
    log: silentLog,
  });
  await store[Symbol.asyncDispose]();
  return path;
}

/** Puts a database with all migrations, and nothing in it, at `path`. */
export async function putMigrated(path: string): Promise<void> {
  await copyFile(await (migrated ??= migrate()), path);
}

/** Opens a store with all migrations; disposing closes it and removes its directory. */
export async function openTestStore(options: Partial<StoreOptions> = {}): Promise<TestStore> {
  const dir = await mkdtemp(join(tmpdir(), "store-"));
  const path = join(dir, "core.db");
  const url = `file:${path}`;
  if (options.migrationsDir === undefined) await putMigrated(path);
  const opening = openStore({ url, migrationsDir, now: Date.now, log: silentLog, ...options });
  const store = await opening.catch(async (error: unknown) => {
    await rm(dir, { recursive: true });
    throw error;
  });
  return {
    store,
    dir,
    url,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

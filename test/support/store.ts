/**
 * A real store in a directory of its own.
 *
 * @module
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
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

/** The bytes of a database to which all migrations were applied, made once for the tests of a process. */
let migrated: Promise<Uint8Array> | undefined;

async function migrate(): Promise<Uint8Array> {
  const dir = await mkdtemp(join(tmpdir(), "migrated-"));
  const path = join(dir, "core.db");
  const store = await openStore({
    url: `file:${path}`,
    migrationsDir,
    now: Date.now,
    log: silentLog,
  });
  await store[Symbol.asyncDispose]();
  const bytes = await readFile(path);
  await rm(dir, { recursive: true });
  return bytes;
}

/** Puts a database with all migrations, and nothing in it, at `path`. */
export async function putMigrated(path: string): Promise<void> {
  await writeFile(path, await (migrated ??= migrate()), { mode: 0o600 });
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

/**
 * Queues and record over a real store, with a sealer of the real vault.
 *
 * @module
 */
import { join } from "node:path";
import { createUuids } from "../../core/contract/mod.ts";
import { createParts, type Parts } from "../../core/daemon/parts.ts";
import type { Settings } from "../../core/settings/settings.ts";
import type { Sealer } from "../../core/store/sealer.ts";
import type { Store } from "../../core/store/store.ts";
import { openVault } from "../../core/vault/vault.ts";
import { openTestStore, silentLog } from "./store.ts";

const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);

/** What tests of the upper rooms stand on. */
export interface Spine extends Parts, AsyncDisposable {
  readonly store: Store;
  readonly sealer: Sealer;
  /** Where the database is. */
  readonly dir: string;
  readonly settings: () => Settings;
  readonly now: () => number;
  readonly log: typeof silentLog;
}

/** Opens a store, a vault and everything that stands on them. */
export async function openSpine(
  settings: () => Settings,
  { now = Date.now }: { now?: () => number } = {},
): Promise<Spine> {
  const { store, dir, [Symbol.asyncDispose]: close } = await openTestStore();
  const vault = await openVault({ keysDir: join(dir, "keys"), random, now });
  const parts = createParts({ store, vault, settings, random, now, log: silentLog });
  return {
    ...parts,
    store,
    sealer: vault,
    dir,
    settings,
    now,
    log: silentLog,
    [Symbol.asyncDispose]: close,
  };
}

/** Ids that rise. */
export const uuid = createUuids({ now: Date.now, random });

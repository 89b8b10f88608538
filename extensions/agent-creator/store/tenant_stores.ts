/**
 * Each tenant's own files: `tenants/<account_id>/leads.sqlite`, `opt_outs.sqlite`, `credentials.json`.
 *
 * @module
 */
import { join } from "node:path";
import { LRUCache } from "lru-cache";
import { type Consents, createConsents } from "./consents.ts";
import { openDatabase } from "./database.ts";
import { createLeads, type Leads } from "./leads.ts";

/** What is kept of one tenant. */
export interface TenantStore extends Disposable {
  readonly leads: Leads;
  readonly consents: Consents;
}

/** Opens a tenant's files when they are asked for, and closes those nobody has asked for lately. */
export interface TenantStores extends Disposable {
  readonly of: (account: string) => Promise<TenantStore>;
}

/** What the stores need. */
export interface TenantStoresDeps {
  /** Makes and gives a tenant's directory. */
  readonly openTenantDir: (account: string) => Promise<string>;
  /** Where the numbered SQL lies. */
  readonly migrations: string;
  readonly now: () => number;
}

const MAX_OPEN = 200;

/** Returns the stores. */
export function createTenantStores(
  { openTenantDir, migrations, now }: TenantStoresDeps,
): TenantStores {
  const open = new LRUCache<string, Promise<TenantStore>>({
    max: MAX_OPEN,
    dispose: (store) => void store.then((opened) => opened[Symbol.dispose](), () => {}),
  });

  async function openOne(account: string): Promise<TenantStore> {
    const dir = await openTenantDir(account);
    const leads = await openDatabase({
      file: join(dir, "leads.sqlite"),
      migrations: join(migrations, "leads"),
    });
    const optOuts = await openDatabase({
      file: join(dir, "opt_outs.sqlite"),
      migrations: join(migrations, "opt_outs"),
    });
    return {
      leads: createLeads(leads, now),
      consents: createConsents(optOuts, now),
      [Symbol.dispose]() {
        leads[Symbol.dispose]();
        optOuts[Symbol.dispose]();
      },
    };
  }

  return {
    of(account) {
      const known = open.get(account);
      if (known !== undefined) return known;
      const opening = openOne(account);
      open.set(account, opening);
      opening.catch(() => open.delete(account));
      return opening;
    },
    [Symbol.dispose]: () => open.clear(),
  };
}

/**
 * Everything that is open while the microapp runs: its database, each tenant's files, what works on them.
 *
 * @module
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { AppContext } from "nexo-microapps/sdk";
import { createDrips, type Drips } from "./drips/drips.ts";
import { createOnboarding, type Onboarding } from "./onboarding/onboard.ts";
import { type Campaigns, createCampaigns } from "./store/campaigns.ts";
import { openDatabase } from "./store/database.ts";
import { openTenantCredentials, type TenantCredentials } from "./store/tenant_credentials.ts";
import { createTenantStores, type TenantStores } from "./store/tenant_stores.ts";
import { createCustomers, type Customers } from "./store/tenants.ts";
import { createUsers, type Users } from "./store/users.ts";

/** See the module. Disposing closes all of it. */
export interface Product extends Disposable {
  readonly app: AppContext;
  readonly customers: Customers;
  readonly users: Users;
  readonly stores: TenantStores;
  readonly credentials: TenantCredentials;
  readonly campaigns: Campaigns;
  readonly drips: Drips;
  readonly onboarding: Onboarding;
}

/** Opens the files below the microapp's state directory. */
export async function openProduct(
  app: AppContext,
  { migrations, now }: { readonly migrations: string; readonly now: () => number },
): Promise<Product> {
  await mkdir(app.stateDir, { recursive: true, mode: 0o700 });
  const database = await openDatabase({ file: join(app.stateDir, "product.sqlite"), migrations });
  const stores = createTenantStores({ openTenantDir: app.openTenantDir, migrations, now });
  const customers = createCustomers(database, now);
  const campaigns = createCampaigns(database, now);
  const credentials = await openTenantCredentials(app);
  return {
    app,
    customers,
    users: await createUsers(database, { stateDir: app.stateDir, now }),
    stores,
    credentials,
    campaigns,
    drips: createDrips({ campaigns, stores, publish: app.publish, now }),
    onboarding: createOnboarding({ admin: app.admin, customers, credentials }),
    [Symbol.dispose]() {
      stores[Symbol.dispose]();
      database[Symbol.dispose]();
    },
  };
}

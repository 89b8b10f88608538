/**
 * Drip campaigns: what people get, step after step.
 *
 * @module
 */
import { z } from "nexo-microapps/sdk";
import type { Database } from "./database.ts";

/** One step: what is sent, and how long after the one before. */
export const CampaignStep = z.object({
  text: z.string().min(1).max(4_000),
  after_secs: z.int().min(0).max(31_536_000),
});
/** See {@linkcode CampaignStep}. */
export type CampaignStep = z.output<typeof CampaignStep>;
const Steps = z.array(CampaignStep).min(1).max(50);

/** A campaign of one tenant. */
export interface Campaign {
  readonly id: string;
  readonly account_id: string;
  readonly name: string;
  readonly steps: readonly CampaignStep[];
  readonly active: boolean;
}

interface CampaignRow {
  id: string;
  account_id: string;
  name: string;
  steps: string;
  active: number;
}

/** The campaigns of all tenants. */
export interface Campaigns {
  readonly list: (account: string) => Promise<Campaign[]>;
  readonly find: (account: string, id: string) => Promise<Campaign | undefined>;
  /** The same id again changes nothing. @throws {RangeError} when the id is another tenant's */
  readonly create: (
    account: string,
    campaign: { id: string; name: string; steps: readonly CampaignStep[] },
  ) => Promise<void>;
  readonly setActive: (account: string, id: string, active: boolean) => Promise<boolean>;
  /** Tenants with a campaign that runs. */
  readonly accountsForOwner: () => Promise<string[]>;
}

/** Returns the campaigns. */
export function createCampaigns(db: Database, now: () => number): Campaigns {
  const columns = "id, account_id, name, steps, active";
  return {
    list: async (account) =>
      (await db.all<CampaignRow>(
        `SELECT ${columns} FROM campaigns WHERE account_id = ? ORDER BY created_at_ms DESC`,
        [account],
      )).map(campaignOf),
    async find(account, id) {
      const [row] = await db.all<CampaignRow>(
        `SELECT ${columns} FROM campaigns WHERE account_id = ? AND id = ?`,
        [account, id],
      );
      return row && campaignOf(row);
    },
    async create(account, { id, name, steps }) {
      await db.run(
        `INSERT INTO campaigns (id, account_id, name, steps, active, created_at_ms)
         VALUES (?, ?, ?, ?, 1, ?) ON CONFLICT DO NOTHING`,
        [id, account, name, JSON.stringify(Steps.parse(steps)), now()],
      );
      if (await this.find(account, id) === undefined) {
        throw new RangeError(`campaign "${id}" is not yours`);
      }
    },
    setActive: async (account, id, active) =>
      await db.run("UPDATE campaigns SET active = ? WHERE account_id = ? AND id = ?", [
        active ? 1 : 0,
        account,
        id,
      ]) > 0,
    accountsForOwner: async () =>
      (await db.all<{ account_id: string }>(
        "SELECT DISTINCT account_id FROM campaigns WHERE active = 1",
      )).map(({ account_id }) => account_id),
  };
}

function campaignOf({ steps, active, ...row }: CampaignRow): Campaign {
  return { ...row, steps: Steps.parse(JSON.parse(steps)), active: active === 1 };
}

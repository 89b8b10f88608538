/**
 * Drip campaigns under way: what is due becomes an event of its tenant, and the turn over it sends.
 *
 * How fast that goes is the operator's to say: `tool_rate_limits.<binding>.send_drip` caps it for each
 * tenant. A step that was capped is due still, and comes again a minute later; so does, at once, one that
 * a crash of this process left undone.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import type { AppContext } from "nexo-microapps/sdk";
import type { Campaigns, CampaignStep } from "../store/campaigns.ts";
import type { Contact } from "../store/consents.ts";
import type { DueStep } from "../store/leads.ts";
import type { TenantStores } from "../store/tenant_stores.ts";

/** What drips need. */
export interface DripDeps {
  readonly campaigns: Campaigns;
  readonly stores: TenantStores;
  readonly publish: AppContext["publish"];
  readonly now: () => number;
}

/** What became of a step. */
export type DripOutcome = "sent" | "opted_out" | "stopped" | "done_already";

/** Drips of all tenants. */
export interface Drips {
  /** Resolves with the campaign's id; the same `id` makes it once. */
  readonly create: (
    account: string,
    campaign: { name: string; steps: readonly CampaignStep[] },
    id?: string,
  ) => Promise<string>;
  /** Puts people at the start of a campaign. Resolves with how many were not there yet. */
  readonly enrol: (
    account: string,
    campaignId: string,
    people: readonly Contact[],
  ) => Promise<number>;
  /** Publishes everything that is due, of every tenant. */
  readonly tick: () => Promise<void>;
  /** Sends one step by `send` and moves on, unless it must not be sent any more. */
  readonly sendStep: (
    account: string,
    step: DueStep,
    send: (who: Contact, text: string, key: string) => Promise<unknown>,
  ) => Promise<DripOutcome>;
}

/** Events of one tenant in one tick; the rest is due at the next. */
const MAX_PER_TICK = 200;
const MINUTE_MS = 60_000;

/** Returns the drips; nothing ticks by itself. */
export function createDrips({ campaigns, stores, publish, now }: DripDeps): Drips {
  const run = randomUUID();

  async function tickFor(account: string): Promise<void> {
    const { leads } = await stores.of(account);
    const running = new Set(
      (await campaigns.list(account)).filter(({ active }) => active).map(({ id }) => id),
    );
    for (const step of await leads.due(now(), MAX_PER_TICK)) {
      if (!running.has(step.campaign_id)) continue;
      await publish({
        subject: `marketing.drip.fire.${account}`,
        tenant_id: account,
        payload: { ...step },
        // Again each minute until it was sent; never twice within one of the same process.
        dedupe_key: `${keyOf(step)}:${run}:${Math.floor(now() / MINUTE_MS)}`,
      });
    }
  }

  return {
    async create(account, { name, steps }, id = randomUUID()) {
      await campaigns.create(account, { id, name, steps });
      return id;
    },

    async enrol(account, campaignId, people) {
      const campaign = await campaigns.find(account, campaignId);
      const [first] = campaign?.steps ?? [];
      if (first === undefined) throw new RangeError(`there is no campaign "${campaignId}"`);
      const { leads } = await stores.of(account);
      let enrolled = 0;
      for (const who of people) {
        await leads.upsert(who);
        if (await leads.enrol(campaignId, who, now() + first.after_secs * 1_000)) enrolled++;
      }
      return enrolled;
    },

    async tick() {
      for (const account of await campaigns.accountsForOwner()) await tickFor(account);
    },

    async sendStep(account, step, send) {
      const { leads, consents } = await stores.of(account);
      const campaign = await campaigns.find(account, step.campaign_id);
      const wanted = campaign?.active === true ? campaign.steps[step.next_step] : undefined;
      if (campaign === undefined || wanted === undefined) return "stopped";
      if (await consents.statusOf(step) === "opted_out") {
        await leads.stop(step.campaign_id, step, "opt_out");
        return "opted_out";
      }
      if (!await leads.isDue(step, now())) return "done_already";
      // The key makes a second try after a crash here the same message.
      await send(step, wanted.text, keyOf(step));
      const following = campaign.steps[step.next_step + 1];
      await leads.advance(
        step,
        following === undefined ? "done" : { dueAtMs: now() + following.after_secs * 1_000 },
      );
      return "sent";
    },
  };
}

function keyOf({ campaign_id, channel, contact, next_step }: DueStep): string {
  return `drip:${campaign_id}:${channel}:${contact}:${next_step}`;
}

/**
 * Tools on a customer's own people: leads, opt-outs, campaigns.
 *
 * @module
 */
import { tool, ToolError, z } from "nexo-microapps/sdk";
import { recordWish } from "../compliance/wish.ts";
import type { Product } from "../product.ts";
import { CampaignStep } from "../store/campaigns.ts";
import { LEAD_STAGES } from "../store/leads.ts";

const who = { channel: z.string().min(1).max(64), contact: z.string().min(1).max(512) };

/** Tools on leads and opt-outs. */
export function leadTools(product: () => Pick<Product, "stores">) {
  return {
    lead_list: tool({
      description: "Lists this customer's contacts, the most recent first.",
      input: z.object({
        stage: z.enum(LEAD_STAGES).optional(),
        limit: z.int().min(1).max(200).optional(),
      }),
      async handle({ stage, limit = 50 }, { accountId }) {
        const { leads } = await product().stores.of(accountId);
        return { leads: await leads.list({ stage, limit }) };
      },
    }),
    lead_upsert: tool({
      description: "Adds a contact, or notes something about one.",
      input: z.object({
        ...who,
        name: z.string().max(200).optional(),
        note: z.string().max(4_000).optional(),
        stage: z.enum(LEAD_STAGES).optional(),
      }),
      async handle({ channel, contact, name, note, stage }, { accountId }) {
        const { leads } = await product().stores.of(accountId);
        await leads.upsert({
          channel,
          contact,
          ...(name === undefined ? {} : { name }),
          ...(note === undefined ? {} : { note }),
          ...(stage === undefined ? {} : { stage }),
        });
        return { ok: true, text: `Noted ${contact}.` };
      },
    }),
    opt_out_list: tool({
      description: "Lists people who do not want to be written to.",
      input: z.object({}),
      async handle(_args, { accountId }) {
        const { consents } = await product().stores.of(accountId);
        return { opted_out: await consents.listOptedOut() };
      },
    }),
    opt_out_record: tool({
      description: "Records that somebody does not want to be written to, or does again.",
      input: z.object({ ...who, status: z.enum(["opted_in", "opted_out"]) }),
      async handle({ status, ...person }, { accountId }) {
        await recordWish(await product().stores.of(accountId), person, status);
        return { ok: true, text: `${person.contact} is ${status}.` };
      },
    }),
  };
}

/** Tools on drip campaigns. */
export function dripTools(product: () => Pick<Product, "stores" | "campaigns" | "drips">) {
  return {
    drip_list: tool({
      description: "Lists this customer's campaigns and how far they have come.",
      input: z.object({}),
      async handle(_args, { accountId }) {
        const { stores, campaigns } = product();
        const { leads } = await stores.of(accountId);
        const found = await campaigns.list(accountId);
        return {
          campaigns: await Promise.all(found.map(async ({ id, name, steps, active }) => ({
            id,
            name,
            active,
            steps: steps.length,
            progress: await leads.progress(id),
          }))),
        };
      },
    }),
    drip_create: tool({
      description: "Creates a campaign: texts, each so long after the one before.",
      input: z.object({
        name: z.string().min(1).max(200),
        steps: z.array(CampaignStep).min(1).max(50),
      }),
      handle: async ({ name, steps }, { accountId }) => ({
        campaign_id: await product().drips.create(accountId, { name, steps }),
      }),
    }),
    drip_enrol: tool({
      description: "Starts a campaign for people.",
      input: z.object({
        campaign_id: z.string(),
        people: z.array(z.object(who)).min(1).max(1_000),
      }),
      handle: async ({ campaign_id, people }, { accountId }) => ({
        enrolled: await product().drips.enrol(accountId, campaign_id, people),
      }),
    }),
    drip_stop: tool({
      description: "Stops a campaign, or lets a stopped one go on.",
      input: z.object({ campaign_id: z.string(), active: z.boolean().optional() }),
      async handle({ campaign_id, active = false }, { accountId }) {
        if (await product().campaigns.setActive(accountId, campaign_id, active)) return { active };
        throw new ToolError("invalid_arguments", `there is no campaign "${campaign_id}"`);
      },
    }),
    send_drip: tool({
      description: "Sends the step of a campaign that an event names. Give exactly what it says.",
      input: z.object({ ...who, campaign_id: z.string(), next_step: z.int().min(0) }),
      async handle(step, { accountId, dispatch }) {
        const outcome = await product().drips.sendStep(
          accountId,
          step,
          ({ channel, contact }, body, key) =>
            dispatch({ channel, to: contact, body, idempotency_key: key }),
        );
        return { ok: outcome === "sent", text: `The step is ${outcome}.` };
      },
    }),
  };
}

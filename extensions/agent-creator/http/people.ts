/**
 * A tenant's contacts and campaigns, and what its agents did and cost.
 *
 * @module
 */
import { z } from "nexo-microapps/sdk";
import { Hono } from "nexo-microapps/sdk/http";
import { recordWish } from "../compliance/wish.ts";
import type { Product } from "../product.ts";
import { CampaignStep } from "../store/campaigns.ts";
import { contactKey, LEAD_STAGES } from "../store/leads.ts";
import { accountOf, actKeyOf, notFound, type SignedIn } from "./session.ts";

const DAY_MS = 86_400_000;
/** Methods that change nothing. On record as well, and more than a page of what was done needs. */
const READS = /\/(?:list|get|read|search|tail|status|state)$/;
const Person = z.object({ channel: z.string().min(1), contact: z.string().min(1) });
const Wish = Person.extend({ status: z.enum(["opted_in", "opted_out"]) });
const Lead = Person.extend({
  name: z.string().max(200).optional(),
  note: z.string().max(4_000).optional(),
  stage: z.enum(LEAD_STAGES).optional(),
});
const Campaign = z.object({
  name: z.string().min(1).max(200),
  steps: z.array(CampaignStep).min(1),
});
const Enrolment = z.object({ people: z.array(Person).min(1).max(1_000) });
/** Returns the routes below a tenant. */
export function peopleRoutes({ app: { admin }, stores, campaigns, drips }: Product) {
  const routes = new Hono<SignedIn>();

  routes.get("/leads", async (c) => {
    const { leads, consents } = await stores.of(accountOf(c));
    const optedOut = await consents.listOptedOut();
    const names = await leads.namesOf(optedOut);
    return c.json({
      leads: await leads.list({ limit: 200 }),
      opted_out: optedOut.map((one) => ({ ...one, name: names.get(contactKey(one)) ?? null })),
    });
  });
  routes.put("/leads", async (c) => {
    const { name, note, stage, ...who } = Lead.parse(await c.req.json());
    const { leads } = await stores.of(accountOf(c));
    await leads.upsert({
      ...who,
      ...(name === undefined ? {} : { name }),
      ...(note === undefined ? {} : { note }),
      ...(stage === undefined ? {} : { stage }),
    });
    return c.json({ ok: true });
  });

  routes.put("/consents", async (c) => {
    const { status, ...who } = Wish.parse(await c.req.json());
    await recordWish(await stores.of(accountOf(c)), who, status);
    return c.json({ status });
  });

  routes.get("/drips", async (c) => {
    const account = accountOf(c);
    const { leads } = await stores.of(account);
    const found = await campaigns.list(account);
    return c.json({
      campaigns: await Promise.all(found.map(async (campaign) => ({
        ...campaign,
        progress: await leads.progress(campaign.id),
      }))),
    });
  });
  routes.post("/drips", async (c) => {
    const campaign = Campaign.parse(await c.req.json());
    const campaign_id = await drips.create(accountOf(c), campaign, actKeyOf(c));
    return c.json({ campaign_id }, 201);
  });
  routes.post("/drips/:id/people", async (c) => {
    const { people } = Enrolment.parse(await c.req.json());
    return c.json({ enrolled: await drips.enrol(accountOf(c), c.req.param("id"), people) });
  });
  routes.put("/drips/:id/active", async (c) => {
    const { active } = z.object({ active: z.boolean() }).parse(await c.req.json());
    if (!await campaigns.setActive(accountOf(c), c.req.param("id"), active)) throw notFound();
    return c.json({ active });
  });

  routes.get("/usage", async (c) => {
    const since_ms = Date.now() - 30 * DAY_MS;
    return c.json(await admin.call("usage/list", { tenant_id: accountOf(c), since_ms, by: "day" }));
  });
  routes.get(
    "/turns",
    async (c) => c.json(await admin.call("turns/tail", { tenant_id: accountOf(c), limit: 100 })),
  );
  routes.get("/audit", async (c) => {
    const tenant_id = accountOf(c);
    const { calls } = await admin.call("audit/tail", { tenant_id, limit: 1_000 });
    return c.json({ calls: calls.filter(({ method }) => !READS.test(method)).slice(0, 100) });
  });
  return routes;
}

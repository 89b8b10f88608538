/**
 * The inbox: conversations, taking them over and giving them back, escalations.
 *
 * @module
 */
import { z } from "nexo-microapps/sdk";
import { Hono } from "nexo-microapps/sdk/http";
import type { Product } from "../product.ts";
import { ownAgents } from "../tools/own.ts";
import { accountOf, actKeyOf, notFound, operatorOf, type SignedIn } from "./session.ts";

const Scope = z.object({
  agent_id: z.string().min(1),
  channel: z.string().min(1),
  contact_id: z.string().min(1),
});
const Reply = Scope.extend({ body: z.string().trim().min(1).max(8_000) });
const Release = Scope.extend({
  session_id: z.uuid(),
  summary: z.string().trim().max(4_096).optional(),
  /** Also while a colleague has it. */
  force: z.boolean().optional(),
});
const Resolve = Scope.extend({
  by: z.enum(["dismissed", "takeover"]),
  dismiss_reason: z.string().max(500).optional(),
});

/** Returns the routes below a tenant. */
export function conversationRoutes({ app }: Product) {
  const { admin } = app;
  const routes = new Hono<SignedIn>();

  /** The scope of a request, once its agent is known to be the tenant's. */
  async function scopeFor<T extends z.output<typeof Scope>>(
    account: string,
    { agent_id, channel, contact_id }: T,
  ) {
    if (!(await ownAgents({ admin, accountId: account })).includes(agent_id)) throw notFound();
    return { agent_id, channel, contact_id, account_id: account };
  }

  routes.get("/conversations", async (c) => {
    const tenant_id = accountOf(c);
    return c.json(await admin.call("conversations/list", { tenant_id, limit: 100 }));
  });
  routes.get("/conversations/:agent/:session", async (c) => {
    const tenant_id = accountOf(c);
    const agent_id = c.req.param("agent");
    const session_id = c.req.param("session");
    const params = { tenant_id, agent_id, session_id, limit: 200 };
    return c.json(await admin.call("conversations/read", params));
  });

  routes.post("/takeover/engage", async (c) => {
    const scope = await scopeFor(accountOf(c), Scope.parse(await c.req.json()));
    const { name, ...user } = c.get("user");
    const operator = operatorOf({ name, ...user });
    const { state } = await app.takeover(scope).pause({
      reason: `taken over by ${name}`,
      ...operator,
    });
    return c.json({ state });
  });
  routes.post("/takeover/send", async (c) => {
    const reply = Reply.parse(await c.req.json());
    const scope = await scopeFor(accountOf(c), reply);
    const said = { body: reply.body, idempotency_key: actKeyOf(c), ...operatorOf(c.get("user")) };
    return c.json(await app.takeover(scope).reply(said));
  });
  routes.post("/takeover/release", async (c) => {
    const release = Release.parse(await c.req.json());
    const scope = await scopeFor(accountOf(c), release);
    const summary = release.summary === undefined || release.summary === ""
      ? {}
      : { summary: release.summary, session_id: release.session_id };
    return c.json(
      await app.takeover(scope).resume({
        ...summary,
        ...operatorOf(c.get("user")),
        ...(release.force === true ? { force: true } : {}),
      }),
    );
  });

  routes.get("/escalations", async (c) => {
    const tenant_id = accountOf(c);
    const filter = c.req.query("filter") === "all" ? "all" : "pending";
    return c.json(await admin.call("escalations/list", { filter, tenant_id }));
  });
  routes.post("/escalations/resolve", async (c) => {
    const { by, dismiss_reason, ...given } = Resolve.parse(await c.req.json());
    const scope = await scopeFor(accountOf(c), given);
    return c.json(
      await admin.call("escalations/resolve", {
        scope: { kind: "conversation", ...scope },
        by,
        ...operatorOf(c.get("user")),
        ...(dismiss_reason === undefined ? {} : { dismiss_reason }),
      }),
    );
  });
  return routes;
}

/**
 * The inbox: conversations, taking them over and giving them back, escalations.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";
import { type ConversationScope, z } from "nexo-microapps/sdk";
import { Hono } from "nexo-microapps/sdk/http";
import type { Product } from "../product.ts";
import type { User } from "../store/users.ts";
import { ownAgents } from "../tools/own.ts";
import { accountOf, actKeyOf, notFound, type SignedIn } from "./session.ts";

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
  async function scopeFor(
    account: string,
    { agent_id, channel, contact_id }: z.output<typeof Scope>,
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

  /**
   * To core all people of this product are one operator; who of them has a conversation is its name.
   *
   * @throws {HTTPException} 409 when a colleague has it
   */
  async function requireOwn(scope: ConversationScope, { name }: User): Promise<void> {
    const { state } = await admin.call("processing/state", {
      scope: { kind: "conversation", ...scope },
    });
    if (state.state !== "paused_by_operator" || state.operator_name === name) return;
    const holder = state.operator_name ?? "Somebody";
    throw new HTTPException(409, { message: `${holder} has taken this conversation over` });
  }

  routes.post("/takeover/engage", async (c) => {
    const user = c.get("user");
    const scope = await scopeFor(accountOf(c), Scope.parse(await c.req.json()));
    await requireOwn(scope, user);
    const { state } = await app.takeover(scope).pause({
      reason: `taken over by ${user.name}`,
      operator_name: user.name,
    });
    return c.json({ state });
  });
  routes.post("/takeover/send", async (c) => {
    const { body, ...given } = Reply.parse(await c.req.json());
    const scope = await scopeFor(accountOf(c), given);
    await requireOwn(scope, c.get("user"));
    const said = { body, idempotency_key: actKeyOf(c), operator_name: c.get("user").name };
    return c.json(await app.takeover(scope).reply(said));
  });
  routes.post("/takeover/release", async (c) => {
    const { summary = "", session_id, force = false, ...given } = Release.parse(
      await c.req.json(),
    );
    const scope = await scopeFor(accountOf(c), given);
    if (!force) await requireOwn(scope, c.get("user"));
    const told = summary === "" ? {} : { summary, session_id };
    return c.json(
      await app.takeover(scope).resume({ ...told, operator_name: c.get("user").name, force }),
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
        operator_name: c.get("user").name,
        ...(dismiss_reason === undefined ? {} : { dismiss_reason }),
      }),
    );
  });
  return routes;
}

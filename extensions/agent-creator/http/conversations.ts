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
import type { Contact } from "../store/consents.ts";
import { contactKey } from "../store/leads.ts";
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

/** Somebody as core's answers name them. */
interface Addressed {
  readonly channel: string;
  readonly contact_id: string;
}

function contactOf({ channel, contact_id: contact }: Addressed): Contact {
  return { channel, contact };
}

function isConversation<T extends { kind: string }>(
  scope: T,
): scope is Extract<T, { kind: "conversation" }> {
  return scope.kind === "conversation";
}

/** Returns the routes below a tenant. */
export function conversationRoutes({ app, stores }: Product) {
  const { admin } = app;
  const routes = new Hono<SignedIn>();

  /** What is to be said of each of these people beside their ids, where it is known. */
  async function namesOf(
    account: string,
    people: readonly Addressed[],
  ): Promise<(who: Addressed) => { contact_name?: string }> {
    const { leads } = await stores.of(account);
    const names = await leads.namesOf(people.map(contactOf));
    return function nameOf(who) {
      const name = names.get(contactKey(contactOf(who)));
      return name === undefined ? {} : { contact_name: name };
    };
  }

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
    const { conversations } = await admin.call("conversations/list", { tenant_id, limit: 100 });
    const nameOf = await namesOf(tenant_id, conversations);
    return c.json({ conversations: conversations.map((one) => ({ ...one, ...nameOf(one) })) });
  });
  routes.get("/conversations/:agent/:session", async (c) => {
    const tenant_id = accountOf(c);
    const agent_id = c.req.param("agent");
    const session_id = c.req.param("session");
    const params = { tenant_id, agent_id, session_id, limit: 200 };
    const { conversation, ...said } = await admin.call("conversations/read", params);
    if (conversation === null) return c.json({ conversation, ...said });
    const nameOf = await namesOf(tenant_id, [conversation]);
    return c.json({ conversation: { ...conversation, ...nameOf(conversation) }, ...said });
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
    const { entries } = await admin.call("escalations/list", { filter, tenant_id });
    const scopes = entries.map(({ scope }) => scope);
    const nameOf = await namesOf(tenant_id, scopes.filter(isConversation));
    return c.json({
      entries: entries.map((entry) => ({
        ...entry,
        ...(isConversation(entry.scope) ? nameOf(entry.scope) : {}),
      })),
    });
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

/**
 * What the pages ask: customers and their onboarding for the owner, everything of one tenant for its people.
 *
 * @module
 */
import { HTTPException } from "hono/http-exception";
import { AdminError, z } from "nexo-microapps/sdk";
import { Hono, type HttpKit } from "nexo-microapps/sdk/http";
import { FirstAgent, FirstLine, NewCustomer } from "../onboarding/onboard.ts";
import type { Product } from "../product.ts";
import { say } from "../words.ts";
import { agentRoutes } from "./agents.ts";
import { conversationRoutes } from "./conversations.ts";
import { eventRoutes, followEvents } from "./events.ts";
import { peopleRoutes } from "./people.ts";
import { accountOf, actKeyOf, ownerOnly, requireUser, type SignedIn } from "./session.ts";

const SignIn = z.object({ code: z.string().trim().min(1).max(128) });

/** Returns the API, to be mounted at `/api`. */
export function createApi(product: Product, kit: HttpKit): Hono<SignedIn> {
  const { customers, onboarding, users, app } = product;
  const api = new Hono<SignedIn>();

  api.onError((error, c) => {
    const status = statusOf(error);
    if (status === 500) app.log.error("http.failed", { error: String(error) });
    return c.json({
      error: status === 500
        ? "This went wrong here. Try again; if it stays so, nexo ext status shows the operator why"
        : say(error),
    }, status);
  });

  api.post("/session", async (c) => {
    const { code } = SignIn.parse(await c.req.json());
    const user = await users.byCode(code);
    if (user === undefined) throw new HTTPException(401, { message: "Nobody has this code" });
    kit.openSession(c, { subject: user.id });
    return c.json({ user });
  });
  api.delete("/session", (c) => {
    kit.closeSession(c);
    return c.body(null, 204);
  });

  api.use("*", requireUser(kit, users));
  api.get("/me", async (c) => {
    const user = c.get("user");
    const customer = user.account_id === null ? null : await customers.find(user.account_id);
    return c.json({ user, customer: customer ?? null });
  });

  api.get("/tenants", ownerOnly, async (c) => c.json({ tenants: await customers.listForOwner() }));
  api.post("/tenants", ownerOnly, async (c) => {
    const customer = NewCustomer.parse(await c.req.json());
    return c.json({ tenant: await onboarding.addCustomer(customer) }, 201);
  });
  api.post("/tenants/:account/agent", ownerOnly, async (c) => {
    const agent = FirstAgent.parse(await c.req.json());
    return c.json({ tenant: await onboarding.addAgent(accountOf(c), agent) });
  });
  api.post("/tenants/:account/line", ownerOnly, async (c) => {
    const line = FirstLine.parse(await c.req.json());
    const { customer, validation } = await onboarding.addLine(accountOf(c), line);
    return c.json({ tenant: customer, validation });
  });
  api.post("/tenants/:account/pairing", ownerOnly, async (c) => {
    const { customer, instructions } = await onboarding.startPairing(accountOf(c));
    return c.json({ tenant: customer, instructions });
  });
  api.get("/tenants/:account/pairing", ownerOnly, async (c) => {
    const customer = await customers.find(accountOf(c));
    if (customer?.challenge_id == null) return c.json({ pairing: null });
    const { challenge_id } = customer;
    const pairing = await app.admin.call("pairing/status", { challenge_id }).catch(nullWhenGone);
    return c.json({ pairing });
  });
  api.get(
    "/tenants/:account/users",
    ownerOnly,
    async (c) => c.json({ users: await users.list(accountOf(c)) }),
  );
  api.delete("/tenants/:account/users/:id", ownerOnly, async (c) => {
    await users.revoke(accountOf(c), c.req.param("id"));
    return c.body(null, 204);
  });
  api.post("/tenants/:account/users", ownerOnly, async (c) => {
    const { name } = z.object({ name: z.string().trim().min(1).max(128) }).parse(
      await c.req.json(),
    );
    const invited = { id: actKeyOf(c), account_id: accountOf(c), name };
    const code = await users.invite(invited);
    // The customer's people are in: whatever comes now is no longer onboarding.
    await onboarding.finish(invited.account_id);
    return c.json({ code }, 201);
  });

  api.route("/tenants/:account", conversationRoutes(product));
  api.route("/tenants/:account", agentRoutes(product));
  api.route("/tenants/:account", peopleRoutes(product));
  api.route("/tenants/:account", eventRoutes(kit, followEvents(app)));
  return api;
}

/** For what nexo keeps for a while, such as the end of a pairing. */
function nullWhenGone(error: unknown): null {
  if (error instanceof AdminError && error.kind === "not_found") return null;
  throw error;
}

function statusOf(error: Error): 400 | 401 | 403 | 404 | 409 | 500 | 503 {
  if (error instanceof HTTPException) {
    return error.status === 401 || error.status === 409 ? error.status : 404;
  }
  if (error instanceof z.ZodError || error instanceof RangeError || error instanceof SyntaxError) {
    return 400;
  }
  if (!(error instanceof AdminError)) return 500;
  switch (error.kind) {
    case "capability_not_granted":
      return 403;
    case "invalid_params":
      return 400;
    case "not_found":
      return 404;
    case "transport":
      return 503;
    case "internal":
      return 500;
  }
}

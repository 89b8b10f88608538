/**
 * A tenant's agents, what compliance does for each, and skills.
 *
 * @module
 */
import { z } from "nexo-microapps/sdk";
import { Hono } from "nexo-microapps/sdk/http";
import { complianceOf, ComplianceSettings } from "../compliance/settings.ts";
import type { Product } from "../product.ts";
import { ownAgents } from "../tools/own.ts";
import { accountOf, notFound, type SignedIn } from "./session.ts";

const Agent = z.object({
  model: z.object({ provider: z.string().min(1), model: z.string().min(1) }),
  system_prompt: z.string().max(32_000).optional(),
  allowed_tools: z.array(z.string().min(1).max(128)).max(200).optional(),
  language: z.string().max(64).optional(),
  active: z.boolean().optional(),
  compliance: ComplianceSettings.optional(),
});
/** What the agent's config says for this microapp: `compliance`, and whatever an operator adds. */
const OwnConfig = z.record(z.string(), z.json()).catch({});
const Skill = z.object({
  description: z.string().max(500).optional(),
  body: z.string().trim().min(1).max(65_536),
});

/** Returns the routes below a tenant. */
export function agentRoutes({ app: { admin } }: Pick<Product, "app">): Hono<SignedIn> {
  const routes = new Hono<SignedIn>();

  routes.get("/agents", async (c) => {
    const tenant_id = accountOf(c);
    const { agents } = await admin.call("agents/list", { tenant_id });
    return c.json({
      agents: await Promise.all(
        agents.map(async ({ id }) => {
          const { extension_config, ...agent } = await admin.call("agents/get", { agent_id: id });
          return { ...agent, compliance: complianceOf(extension_config) };
        }),
      ),
    });
  });
  routes.put("/agents/:agent", async (c) => {
    const tenant_id = accountOf(c);
    const id = c.req.param("agent");
    if (!(await ownAgents({ admin, accountId: tenant_id })).includes(id)) throw notFound();
    const { compliance, ...agent } = Agent.parse(await c.req.json());
    const config = compliance === undefined ? {} : {
      extension_config: {
        ...OwnConfig.parse((await admin.call("agents/get", { agent_id: id })).extension_config),
        compliance,
      },
    };
    await admin.call("agents/upsert", { id, ...agent, ...config, tenant_id });
    return c.json({ ok: true });
  });

  routes.get(
    "/skills",
    async (c) => c.json(await admin.call("skills/list", { tenant_id: accountOf(c) })),
  );
  routes.get(
    "/skills/:name",
    async (c) =>
      c.json(
        await admin.call("skills/get", { name: c.req.param("name"), tenant_id: accountOf(c) }),
      ),
  );
  routes.put("/skills/:name", async (c) => {
    const skill = Skill.parse(await c.req.json());
    const name = c.req.param("name");
    return c.json(await admin.call("skills/upsert", { name, ...skill, tenant_id: accountOf(c) }));
  });
  routes.delete("/skills/:name", async (c) =>
    c.json(
      await admin.call("skills/delete", { name: c.req.param("name"), tenant_id: accountOf(c) }),
    ));
  return routes;
}

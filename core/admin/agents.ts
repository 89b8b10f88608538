/**
 * `nexo/admin/echo` and `nexo/admin/agents/*`.
 *
 * @module
 */
import { z } from "zod";
import { type AgentConfig, CodedError } from "../contract/mod.ts";
import type { Settings } from "../settings/settings.ts";
import { tenantOf } from "../settings/tenant.ts";
import { type AdminMethod, type Call, method } from "./method.ts";

/** Returns what tells a microapp that it is heard. */
export function echoMethod(): AdminMethod {
  return method(
    "nexo/admin/echo",
    "_echo",
    z.unknown(),
    (params, { caller }) =>
      Promise.resolve({
        echoed: params,
        microapp_id: caller.kind === "microapp" ? caller.id : caller.subject,
      }),
  );
}

/** Returns the methods that read agents. */
export function agentMethods({ settings }: { settings: () => Settings }): AdminMethod[] {
  return [
    method(
      "nexo/admin/agents/list",
      "agents_crud",
      z.object({
        active_only: z.boolean().nullish(),
        plugin_filter: z.string().nullish(),
        tenant_id: z.string().nullish(),
      }),
      ({ active_only, plugin_filter, tenant_id }, call) => {
        const now = settings();
        const agents = [...now.agents.values()]
          .filter((agent) =>
            visible(agent, now, call) && (active_only !== true || agent.active) &&
            (plugin_filter == null ||
              agent.inbound_bindings.some(({ plugin }) => plugin === plugin_filter)) &&
            (tenant_id == null || tenantsOf(agent, now).has(tenant_id))
          )
          .map((agent) => ({
            id: agent.id,
            active: agent.active,
            model_provider: agent.model.provider,
            bindings_count: agent.inbound_bindings.length,
          }))
          .sort((a, b) => a.id < b.id ? -1 : 1);
        return Promise.resolve({ agents });
      },
    ),
    method(
      "nexo/admin/agents/get",
      "agents_crud",
      z.object({ agent_id: z.string() }),
      ({ agent_id }, call) => {
        const now = settings();
        const agent = now.agents.get(agent_id);
        if (agent === undefined || !visible(agent, now, call)) {
          throw new CodedError("not_found", `agent \`${agent_id}\` not in yaml`);
        }
        return Promise.resolve(detailOf(agent));
      },
    ),
  ];
}

function detailOf(agent: AgentConfig): Record<string, unknown> {
  return {
    id: agent.id,
    model: { provider: agent.model.provider, model: agent.model.model },
    active: agent.active,
    allowed_tools: agent.allowed_tools,
    inbound_bindings: agent.inbound_bindings.map(({ plugin, instance }) =>
      instance == null ? { plugin } : { plugin, instance }
    ),
    system_prompt: agent.system_prompt,
    ...(agent.language == null ? {} : { language: agent.language }),
  };
}

/** The tenants an agent works for: its own, or those of its bindings. */
export function tenantsOf(agent: AgentConfig, settings: Settings): Set<string> {
  const accounts = agent.inbound_bindings.map(({ plugin, instance }) =>
    tenantOf(settings, agent, plugin, instance ?? undefined)
  );
  return new Set([agent.tenant_id, ...accounts].filter((account) => account != null));
}

/** A pinned grant sees agents of its tenants only. */
function visible(agent: AgentConfig, settings: Settings, { tenants }: Call): boolean {
  if (tenants === "all") return true;
  const own = tenantsOf(agent, settings);
  return own.size > 0 && [...own].every((account) => tenants.includes(account));
}

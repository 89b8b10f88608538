/**
 * `nexo/admin/echo`, `nexo/admin/reload` and `nexo/admin/agents/*`.
 *
 * @module
 */
import { z } from "zod";
import { AgentId } from "../ids.ts";
import { configVersion, filled, spec, TenantScope } from "./spec.ts";

const ModelRef = z.object({ provider: filled("model.provider"), model: filled("model.model") });

const BindingSummary = z.object({ plugin: z.string().min(1), instance: z.string().nullish() });

const AgentSummary = z.object({
  id: z.string(),
  active: z.boolean(),
  model_provider: z.string(),
  bindings_count: z.int(),
});

/** One agent, as `agents/get` answers it. */
export const AgentDetail = z.object({
  id: z.string(),
  model: z.object({ provider: z.string(), model: z.string() }),
  active: z.boolean(),
  allowed_tools: z.array(z.string()),
  inbound_bindings: z.array(z.object({ plugin: z.string(), instance: z.string().optional() })),
  system_prompt: z.string(),
  language: z.string().optional(),
  /** What the agent's `extensions_config` says for the microapp that asks. */
  extension_config: z.json().optional(),
});
/** See {@linkcode AgentDetail}. */
export type AgentDetail = z.infer<typeof AgentDetail>;

/** The methods of this domain. */
export const AGENT_METHODS = {
  "nexo/admin/echo": spec(
    "_echo",
    z.unknown(),
    z.object({ echoed: z.unknown(), microapp_id: z.string() }),
  ),
  "nexo/admin/reload": spec(
    "agents_crud",
    z.unknown(),
    z.object({ reloaded_at_ms: z.int(), ...configVersion }),
  ),
  "nexo/admin/agents/list": spec(
    "agents_crud",
    z.object({
      active_only: z.boolean().nullish(),
      plugin_filter: z.string().nullish(),
      tenant_id: z.string().nullish(),
    }),
    z.object({ agents: z.array(AgentSummary) }),
  ),
  "nexo/admin/agents/get": spec("agents_crud", z.object({ agent_id: z.string() }), AgentDetail),
  "nexo/admin/agents/upsert": spec(
    "agents_crud",
    z.object({
      id: AgentId,
      model: ModelRef,
      allowed_tools: z.array(z.string().trim().min(1)).nullish(),
      inbound_bindings: z.array(BindingSummary).nullish(),
      system_prompt: z.string().nullish(),
      language: z.string().nullish(),
      active: z.boolean().nullish(),
      /** Replaces what the agent's `extensions_config` says for the microapp that asks. */
      extension_config: z.json().nullish(),
      /** The tenant of a new agent; absent under a grant for one tenant, that one. */
      tenant_id: TenantScope,
    }),
    AgentDetail.extend(configVersion),
  ),
  "nexo/admin/agents/delete": spec(
    "agents_crud",
    z.object({ agent_id: z.string() }),
    z.object({ removed: z.boolean(), ...configVersion }),
  ),
} as const;

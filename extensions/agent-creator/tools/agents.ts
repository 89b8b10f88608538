/**
 * Tools on agents and their skills.
 *
 * @module
 */
import { tool, z } from "nexo-microapps/sdk";
import { requireOwnAgent } from "./own.ts";

const id = z.string().min(1).max(64);

/** `agent_*`. */
export const agentTools = {
  agent_list: tool({
    description: "Lists this customer's agents.",
    input: z.object({ active_only: z.boolean().optional() }),
    handle: ({ active_only = false }, { admin, accountId }) =>
      admin.call("agents/list", { tenant_id: accountId, active_only }),
  }),
  agent_get: tool({
    description: "Shows one agent: its model, prompt, tools and channels.",
    input: z.object({ agent_id: id }),
    async handle({ agent_id }, context) {
      await requireOwnAgent(agent_id, context);
      return context.admin.call("agents/get", { agent_id });
    },
  }),
  agent_upsert: tool({
    description: "Creates an agent, or changes what is given of one.",
    input: z.object({
      id,
      provider: z.string().min(1),
      model: z.string().min(1),
      system_prompt: z.string().max(32_000).optional(),
      language: z.string().max(64).optional(),
      allowed_tools: z.array(z.string()).optional(),
      active: z.boolean().optional(),
    }),
    handle: ({ provider, model, ...agent }, { admin, accountId }) =>
      admin.call("agents/upsert", { ...agent, model: { provider, model }, tenant_id: accountId }),
  }),
  agent_delete: tool({
    description: "Deletes an agent. Its conversations stay on record.",
    input: z.object({ agent_id: id }),
    async handle({ agent_id }, context) {
      await requireOwnAgent(agent_id, context);
      return context.admin.call("agents/delete", { agent_id });
    },
  }),
};

/** `skill_*`. */
export const skillTools = {
  skill_list: tool({
    description: "Lists this customer's skills: texts that tell agents how to do something.",
    input: z.object({ prefix: z.string().optional() }),
    handle: ({ prefix }, { admin, accountId }) =>
      admin.call("skills/list", { prefix, tenant_id: accountId }),
  }),
  skill_get: tool({
    description: "Shows one skill.",
    input: z.object({ name: id }),
    handle: ({ name }, { admin, accountId }) =>
      admin.call("skills/get", { name, tenant_id: accountId }),
  }),
  skill_upsert: tool({
    description: "Writes a skill, whole: what is left out is cleared.",
    input: z.object({
      name: id,
      display_name: z.string().max(200).optional(),
      description: z.string().max(500).optional(),
      body: z.string().min(1),
    }),
    handle: (skill, { admin, accountId }) =>
      admin.call("skills/upsert", { ...skill, tenant_id: accountId }),
  }),
  skill_delete: tool({
    description: "Deletes a skill.",
    input: z.object({ name: id }),
    handle: ({ name }, { admin, accountId }) =>
      admin.call("skills/delete", { name, tenant_id: accountId }),
  }),
};

/** `llm_provider_*`. */
export const providerTools = {
  llm_provider_list: tool({
    description: "Lists the language-model providers of this customer.",
    input: z.object({}),
    handle: (_args, { admin, accountId }) =>
      admin.call("llm_providers/list", { tenant_id: accountId }),
  }),
  llm_provider_upsert: tool({
    description: "Adds a language-model provider for this customer alone.",
    input: z.object({
      id,
      base_url: z.url(),
      api_key_env: z.string().regex(/^[A-Z][A-Z0-9_]{1,63}$/).describe("Name of the secret"),
    }),
    handle: (provider, { admin, accountId }) =>
      admin.call("llm_providers/upsert", { ...provider, tenant_id: accountId }),
  }),
  llm_provider_delete: tool({
    description: "Takes a provider of this customer away.",
    input: z.object({ provider_id: id }),
    handle: ({ provider_id }, { admin, accountId }) =>
      admin.call("llm_providers/delete", { provider_id, tenant_id: accountId }),
  }),
};

/**
 * `nexo/admin/llm_providers/*`.
 *
 * @module
 */
import { z } from "zod";
import { configVersion, filled, spec, TenantScope, worded } from "./spec.ts";

const LlmProviderSummary = z.object({
  id: z.string(),
  base_url: z.string(),
  api_key_env: z.string(),
  /** The tenant it is for alone; absent: for all. */
  tenant_scope: z.string().optional(),
});
/** A provider, without anything secret. */
export type LlmProviderSummary = z.infer<typeof LlmProviderSummary>;

/** What a provider said when it was asked for its models. */
export const LlmProbe = z.object({
  ok: z.boolean(),
  /** HTTP status; 0 when there was no answer. */
  status: z.int(),
  latency_ms: z.int(),
  model_count: z.int().optional(),
  /** Without any part of the key. */
  error: z.string().optional(),
});
/** See {@linkcode LlmProbe}. */
export type LlmProbe = z.infer<typeof LlmProbe>;

const providerId = worded((text) => text.trim() === "" ? "provider_id cannot be empty" : undefined);
const one = z.object({ provider_id: providerId, tenant_id: TenantScope });

/** The methods of this domain. */
export const LLM_PROVIDER_METHODS = {
  "nexo/admin/llm_providers/list": spec(
    "llm_keys_crud",
    z.object({ tenant_id: TenantScope }),
    z.object({ providers: z.array(LlmProviderSummary) }),
  ),
  "nexo/admin/llm_providers/upsert": spec(
    "llm_keys_crud",
    z.object({
      id: filled("id"),
      base_url: filled("base_url"),
      api_key_env: filled("api_key_env"),
      headers: z.record(z.string(), z.string()).nullish(),
      tenant_id: TenantScope,
    }),
    LlmProviderSummary.extend(configVersion),
  ),
  "nexo/admin/llm_providers/delete": spec(
    "llm_keys_crud",
    one,
    z.object({ removed: z.boolean(), ...configVersion }),
  ),
  "nexo/admin/llm_providers/probe": spec("llm_keys_crud", one, LlmProbe),
} as const;

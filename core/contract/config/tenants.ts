/**
 * `tenants.yaml`: the customers.
 *
 * @module
 */
import { z } from "zod";
import { AccountId } from "../ids.ts";
import { block, Json, list, map, optional, schemaVersion, Text, withDefault } from "./block.ts";

const Amount = optional(z.int().min(0));

/** What a tenant may use; an absent line is not limited. Days and months are UTC. */
export const TenantBudgets = z.strictObject({
  turns_per_day: Amount,
  tool_calls_per_day: Amount,
  /** Model tokens in and out together. */
  tokens_per_day: Amount,
  tokens_per_month: Amount,
  /** US dollars, by the prices in `llm.yaml`. */
  usd_per_month: optional(z.number().min(0)),
});
/** See {@linkcode TenantBudgets}. */
export type TenantBudgets = z.infer<typeof TenantBudgets>;

/** One tenant. */
export const TenantConfig = block({
  /** Absent: the id. */
  display_name: optional(Text.max(128)),
  /** `false` stops everything of the tenant; nothing is deleted. */
  active: withDefault(z.boolean(), true),
  /** Its share when tenants wait for each other. */
  weight: withDefault(z.number().positive().max(1_000), 1),
  budgets: optional(TenantBudgets),
  /** Providers of `llm.yaml` it may use; empty means all. */
  llm_provider_refs: list(Text),
  metadata: map(Text, Json),
  /** RFC 3339, written when it is made through the admin RPC. */
  created_at: optional(z.string()),
});
/** See {@linkcode TenantConfig}. */
export type TenantConfig = z.infer<typeof TenantConfig>;

/** A whole `tenants.yaml`. No file and no tenants mean one tenant, `default`. */
export const TenantsFile = z.strictObject({
  ...schemaVersion,
  tenants: map(AccountId, TenantConfig),
});
/** See {@linkcode TenantsFile}. */
export type TenantsFile = z.infer<typeof TenantsFile>;

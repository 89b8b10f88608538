/**
 * `tenants.yaml`: the customers.
 *
 * @module
 */
import { z } from "zod";
import { AccountId, AgentId } from "../ids.ts";
import {
  block,
  Json,
  list,
  map,
  optional,
  schemaVersion,
  Text,
  unused,
  withDefault,
} from "./block.ts";

/** Keys of budgets that are read and change nothing. */
export const UNUSED_BUDGET_KEYS = ["tool_calls_per_day", "turns_per_day"] as const;

const Tokens = optional(z.int().min(0));
const Usd = optional(z.number().min(0));

const amounts = {
  /** Model tokens in and out together. */
  tokens_per_day: Tokens,
  tokens_per_month: Tokens,
  /** US dollars, by the prices of `llm.yaml`. */
  usd_per_day: Usd,
  usd_per_month: Usd,
};
const Part = z.number().gt(0).max(1);

/** What a tenant's models may use; an absent line is not limited. Days and months are UTC. */
export const TenantBudgets = z.strictObject({
  ...amounts,
  /** Budgets of single agents, within those of the tenant. */
  agents: map(AgentId, z.strictObject(amounts)),
  /** Parts of a budget at which an event `budget_threshold` is sent. */
  warn_at: withDefault(z.array(Part).max(10), [0.8]),
  /** From this part of any budget on, another model answers. */
  downgrade: optional(
    z.strictObject({ at: withDefault(Part, 0.8), provider: Text, model: Text }),
  ),
  /** `warn` refuses no call and only sends events. */
  when_exceeded: withDefault(z.enum(["refuse", "warn"]), "refuse"),
  ...unused(UNUSED_BUDGET_KEYS),
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
  metrics: block({
    /** Whether `/metrics` names tenants; off, numbers of all tenants are summed. */
    tenant_label: withDefault(z.boolean(), false),
  }),
});
/** See {@linkcode TenantsFile}. */
export type TenantsFile = z.infer<typeof TenantsFile>;

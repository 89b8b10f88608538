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
  Positive,
  schemaVersion,
  Text,
  unused,
  withDefault,
} from "./block.ts";

/** Keys of budgets that are read and change nothing. */
export const UNUSED_BUDGET_KEYS = ["tool_calls_per_day", "turns_per_day"] as const;

/** Turns that can be allowed at once. */
const MAX_TURNS = 10_000;

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
  /** Its share when tenants wait for each other: one of 2 gets two turns for each turn of one of 1. */
  weight: withDefault(z.number().positive().max(1_000), 1),
  /** Its turns at once; absent: as `turns` says. */
  max_concurrent_turns: optional(Positive.max(MAX_TURNS)),
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
  /** Turns at once; those that find no place wait on disk. */
  turns: block({
    /** All tenants together. */
    max: withDefault(Positive.max(MAX_TURNS), 128),
    /** Of one tenant; absent: three quarters of `max`, so that there is always room for others. */
    max_per_tenant: optional(Positive.max(MAX_TURNS)),
  }),
  metrics: block({
    /** Whether `/metrics` names tenants; off, numbers of all tenants are summed. */
    tenant_label: withDefault(z.boolean(), false),
  }),
});
/** See {@linkcode TenantsFile}. */
export type TenantsFile = z.infer<typeof TenantsFile>;

/**
 * What one tenant's record says to the product that serves it: turns, usage, admin calls.
 *
 * @module
 */
import { z } from "zod";
import { limited, spec, TenantScope } from "./spec.ts";

const Turn = z.looseObject({
  turn_id: z.string(),
  account_id: z.string(),
  agent_id: z.string(),
  session_id: z.string(),
  binding_id: z.string(),
  trigger: z.string(),
  outcome: z.enum(["ok", "error", "refused"]),
  error: z.string().nullable(),
  tokens_in: z.int(),
  tokens_out: z.int(),
  cost_micros: z.int(),
  tool_calls: z.int(),
  duration_ms: z.int(),
  finished_at_ms: z.int(),
});

const Usage = z.looseObject({
  account_id: z.string(),
  day: z.string().nullable(),
  agent_id: z.string().nullable(),
  provider: z.string().nullable(),
  model: z.string().nullable(),
  calls: z.int(),
  tokens_in: z.int(),
  tokens_out: z.int(),
  cost_micros: z.int(),
});

const AdminCall = z.object({
  microapp_id: z.string(),
  method: z.string(),
  capability: z.string(),
  args_hash: z.string(),
  started_at_ms: z.int(),
  result: z.enum(["ok", "error", "denied", "unknown"]),
  duration_ms: z.int().nullable(),
  tenant_id: z.string().optional(),
});

const time = z.int().min(0).nullish();

/** The methods of this domain. All of them read one tenant; one that is not there has no rows. */
export const TENANT_RECORD_METHODS = {
  "nexo/admin/turns/tail": spec(
    "audit_read",
    z.object({
      tenant_id: TenantScope,
      agent_id: z.string().nullish(),
      since_ms: time,
      limit: limited(50, 1_000),
      cursor: z.int().min(0).nullish(),
    }),
    z.object({ turns: z.array(Turn), cursor: z.int().optional() }),
  ),
  "nexo/admin/usage/list": spec(
    "audit_read",
    z.object({
      tenant_id: TenantScope,
      since_ms: z.int().min(0),
      until_ms: time,
      by: z.enum(["day", "agent", "model"]).nullish(),
    }),
    z.object({ usage: z.array(Usage) }),
  ),
  "nexo/admin/audit/tail": spec(
    "audit_read",
    z.object({
      tenant_id: TenantScope,
      method: z.string().nullish(),
      result: z.enum(["ok", "error", "denied", "unknown"]).nullish(),
      since_ms: time,
      limit: limited(50, 1_000),
    }),
    z.object({ calls: z.array(AdminCall) }),
  ),
} as const;

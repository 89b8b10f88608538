/**
 * `nexo/admin/pollers/*`.
 *
 * @module
 */
import { z } from "zod";
import { FailureTo, Misfire, PollerId, Timetable } from "../config/pollers.ts";
import { AgentId } from "../ids.ts";
import { configVersion, spec, TenantScope } from "./spec.ts";

const id = z.string().min(1).max(64);

/** A job and how it goes. */
export const PollerEntry = z.object({
  id: z.string(),
  kind: z.string(),
  agent: z.string(),
  /** The tenant it runs for; absent while nothing says which. */
  tenant_id: z.string().optional(),
  schedule: Timetable,
  /** References such as `${NAME}` are shown as they are written. */
  config: z.json(),
  failure_to: FailureTo.optional(),
  misfire: Misfire,
  paused_on_boot: z.boolean(),
  paused: z.boolean(),
  last_run_at_ms: z.int().optional(),
  next_run_at_ms: z.int().optional(),
  /** `ok`, `error` or `permanent`. */
  last_status: z.string().optional(),
  last_error: z.string().optional(),
  consecutive_errors: z.int(),
  items_seen_total: z.int(),
  items_dispatched_total: z.int(),
});
/** See {@linkcode PollerEntry}. */
export type PollerEntry = z.infer<typeof PollerEntry>;

const Changed = z.object({
  id: z.string(),
  applied: z.boolean(),
  new_state: z.enum(["running", "paused", "errored", "running_now"]),
});

/** The methods of this domain. */
export const POLLER_METHODS = {
  "nexo/admin/pollers/list": spec(
    "pollers_read",
    z.object({
      agent_id: z.string().nullish(),
      kind: z.string().nullish(),
      tenant_id: TenantScope,
    }),
    z.object({ pollers: z.array(PollerEntry) }),
  ),
  "nexo/admin/pollers/get": spec("pollers_read", z.object({ id }), PollerEntry),
  "nexo/admin/pollers/upsert": spec(
    "pollers_crud",
    z.object({
      id: PollerId,
      kind: z.string().min(1).max(64),
      agent: AgentId,
      tenant_id: TenantScope,
      schedule: Timetable,
      config: z.record(z.string(), z.json()).nullish(),
      failure_to: FailureTo.nullish(),
      misfire: Misfire.nullish(),
      max_delay_secs: z.int().nonnegative().nullish(),
      paused_on_boot: z.boolean().nullish(),
    }),
    z.object({ entry: PollerEntry, created: z.boolean(), ...configVersion }),
  ),
  "nexo/admin/pollers/delete": spec(
    "pollers_crud",
    z.object({ id }),
    z.object({ removed: z.boolean(), ...configVersion }),
  ),
  "nexo/admin/pollers/pause": spec("pollers_runtime", z.object({ id }), Changed),
  "nexo/admin/pollers/resume": spec("pollers_runtime", z.object({ id }), Changed),
  "nexo/admin/pollers/run_now": spec("pollers_runtime", z.object({ id }), Changed),
} as const;

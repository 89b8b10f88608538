/**
 * `nexo/admin/tenants/*`.
 *
 * @module
 */
import { z } from "zod";
import { MicroappErased } from "../data_erasure.ts";
import { configVersion, filled, slugged, spec, worded } from "./spec.ts";

const id = slugged("id");
const Metadata = z.record(z.string(), z.json());

const DisplayName = worded((text) =>
  text.trim() === ""
    ? "display_name is empty"
    : text.length > 128
    ? "display_name exceeds 128 chars"
    : undefined
);

const TenantSummary = z.object({
  id: z.string(),
  display_name: z.string(),
  active: z.boolean(),
  agent_count: z.int(),
  created_at: z.string(),
});

/** One tenant, as `tenants/get` answers it. */
export const TenantDetail = z.object({
  id: z.string(),
  display_name: z.string(),
  active: z.boolean(),
  created_at: z.string(),
  llm_provider_refs: z.array(z.string()),
  metadata: Metadata,
});
/** See {@linkcode TenantDetail}. */
export type TenantDetail = z.infer<typeof TenantDetail>;

/** How many rows are gone; of turns, how many are tombstones now. */
export const Erased = z.object({
  transcripts: z.int(),
  tool_calls: z.int(),
  messages: z.int(),
  deliveries: z.int(),
  dead_letters: z.int(),
  events: z.int(),
  turns: z.int(),
});
/** See {@linkcode Erased}. */
export type Erased = z.infer<typeof Erased>;

/** The methods of this domain. */
export const TENANT_METHODS = {
  "nexo/admin/tenants/list": spec(
    "tenants_crud",
    z.object({ active_only: z.boolean().nullish(), prefix: z.string().nullish() }),
    z.object({ tenants: z.array(TenantSummary) }),
  ),
  "nexo/admin/tenants/get": spec(
    "tenants_crud",
    z.object({ tenant_id: id }),
    z.object({ tenant: TenantDetail.nullable() }),
  ),
  "nexo/admin/tenants/upsert": spec(
    "tenants_crud",
    z.object({
      id,
      display_name: DisplayName,
      active: z.boolean().nullish(),
      llm_provider_refs: z.array(z.string().trim().min(1)).nullish(),
      metadata: Metadata.nullish(),
    }),
    z.object({ tenant: TenantDetail, created: z.boolean(), ...configVersion }),
  ),
  "nexo/admin/tenants/delete": spec(
    "tenants_crud",
    z.object({ tenant_id: id, purge: z.boolean().nullish() }),
    z.object({
      removed: z.boolean(),
      orphaned_agents: z.array(z.string()).optional(),
      ...configVersion,
    }),
  ),
  "nexo/admin/tenants/erase": spec(
    "tenants_crud",
    z.object({
      tenant_id: id,
      /** One person, as their channel names them; absent for everything of the tenant. */
      contact: filled("contact").max(512).nullish(),
    }),
    z.object({
      erased: Erased,
      /** What those microapps say that keep data of people; where one failed, ask again. */
      microapps: z.array(MicroappErased),
    }),
  ),
} as const;

/**
 * `nexo/admin/tenants/*`, the part that reads.
 *
 * @module
 */
import { z } from "zod";
import { AccountId, RPC_CODES, RpcFault } from "../contract/mod.ts";
import type { Settings, Tenant } from "../settings/settings.ts";
import { tenantsOf } from "./agents.ts";
import { type AdminMethod, method } from "./method.ts";

/** What the tenant methods need. */
export interface TenantMethodDeps {
  readonly settings: () => Settings;
  /** When each tenant was first seen, in milliseconds since the epoch. */
  readonly createdAtMs: (account: string) => Promise<number>;
}

/** Returns the methods that read tenants. */
export function tenantMethods({ settings, createdAtMs }: TenantMethodDeps): AdminMethod[] {
  const createdAt = async (account: string): Promise<string> =>
    new Date(await createdAtMs(account)).toISOString();
  const agentCount = (account: string): number => {
    const now = settings();
    return [...now.agents.values()].filter((agent) => tenantsOf(agent, now).has(account)).length;
  };

  return [
    method(
      "nexo/admin/tenants/list",
      "tenants_crud",
      z.object({ active_only: z.boolean().nullish(), prefix: z.string().nullish() }),
      async ({ active_only, prefix }, { tenants }) => {
        const found = [...settings().tenants.values()]
          .filter(({ id, active }) =>
            (tenants === "all" || tenants.includes(id)) && (active_only !== true || active) &&
            id.startsWith(prefix ?? "")
          )
          .sort((a, b) => a.id < b.id ? -1 : 1);
        return {
          tenants: await Promise.all(found.map(async ({ id, display_name, active }) => ({
            id,
            display_name,
            active,
            agent_count: agentCount(id),
            created_at: await createdAt(id),
          }))),
        };
      },
    ),
    method(
      "nexo/admin/tenants/get",
      "tenants_crud",
      z.object({ tenant_id: z.string() }),
      async ({ tenant_id }, { tenants }) => {
        checkId(tenant_id);
        const tenant = tenants === "all" || tenants.includes(tenant_id)
          ? settings().tenants.get(tenant_id)
          : undefined;
        return {
          tenant: tenant === undefined
            ? null
            : { ...detailOf(tenant), created_at: await createdAt(tenant.id) },
        };
      },
    ),
  ];
}

function detailOf({ id, display_name, active, llm_provider_refs, metadata }: Tenant) {
  return { id, display_name, active, llm_provider_refs, metadata };
}

/** The texts are the wire's own. */
function checkId(id: string): void {
  const problem = id === ""
    ? "id is empty"
    : id.length > 64
    ? "id longer than 64 chars"
    : !/^[a-z0-9]/.test(id)
    ? "id must start with [a-z0-9]"
    : AccountId.safeParse(id).success
    ? undefined
    : "id must match [a-z0-9-]";
  if (problem !== undefined) {
    throw new RpcFault(RPC_CODES.invalid_params, `invalid_params: ${problem}`);
  }
}

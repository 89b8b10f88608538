/**
 * `nexo/admin/tenants/*`.
 *
 * @module
 */
import { type Clock, type MicroappErased } from "../contract/mod.ts";
import { type Erased, TENANT_METHODS, type TenantDetail } from "../contract/admin/tenants.ts";
import type { ChangeConfig, ConfigDraft } from "../settings/draft.ts";
import type { Settings, Tenant } from "../settings/settings.ts";
import { tenantsOf } from "./agents.ts";
import { type AdminMethod, type Handlers, methodsOf, notGranted, sees } from "./method.ts";
import { literal, literalJson, mapAt, readMap } from "./raw_config.ts";

const FILE = "tenants.yaml";

/** What the tenant methods need. */
export interface TenantMethodDeps {
  readonly settings: () => Settings;
  readonly changeConfig: ChangeConfig;
  /** When a tenant was first seen, in milliseconds since the epoch; for those made by hand. */
  readonly createdAtMs: (account: string) => Promise<number>;
  readonly erase: Eraser;
  readonly now: Clock;
}

/** Erases a person, or all of a tenant when there is no `contact`: here, then in microapps. */
export type Eraser = (
  whom: { readonly account: string; readonly contact: string | undefined },
) => Promise<{ erased: Erased; microapps: MicroappErased[] }>;

const NOTHING: Erased = {
  transcripts: 0,
  tool_calls: 0,
  messages: 0,
  deliveries: 0,
  dead_letters: 0,
  events: 0,
  turns: 0,
};

/** Returns the methods on tenants. */
export function tenantMethods(deps: TenantMethodDeps): AdminMethod[] {
  const { settings, changeConfig, now } = deps;
  const createdAt = async ({ id, created_at }: Tenant): Promise<string> =>
    created_at ?? new Date(await deps.createdAtMs(id)).toISOString();
  const detailOf = async (tenant: Tenant): Promise<TenantDetail> => ({
    id: tenant.id,
    display_name: tenant.display_name,
    active: tenant.active,
    created_at: await createdAt(tenant),
    llm_provider_refs: tenant.llm_provider_refs,
    metadata: tenant.metadata,
  });

  return methodsOf(TENANT_METHODS, {
    async "nexo/admin/tenants/list"({ active_only, prefix }, call) {
      const current = settings();
      const counts = agentCounts(current);
      const found = [...current.tenants.values()]
        .filter(({ id, active }) =>
          sees(call, id) && (active_only !== true || active) && id.startsWith(prefix ?? "")
        )
        .sort((a, b) => a.id < b.id ? -1 : 1);
      return {
        tenants: await Promise.all(found.map(async (tenant) => ({
          id: tenant.id,
          display_name: tenant.display_name,
          active: tenant.active,
          agent_count: counts.get(tenant.id) ?? 0,
          created_at: await createdAt(tenant),
        }))),
      };
    },

    async "nexo/admin/tenants/get"({ tenant_id }, call) {
      const tenant = sees(call, tenant_id) ? settings().tenants.get(tenant_id) : undefined;
      return { tenant: tenant === undefined ? null : await detailOf(tenant) };
    },

    async "nexo/admin/tenants/upsert"(params, call) {
      if (!sees(call, params.id)) throw notGranted(call);
      const { result: created, settings: next } = await changeConfig((draft) =>
        writeTenant(draft, params, { nowMs: now(), current: settings() })
      );
      const tenant = next.tenants.get(params.id);
      if (tenant === undefined) throw new TypeError(`tenant "${params.id}" was not written`);
      return { tenant: await detailOf(tenant), created, config_version: next.version };
    },

    async "nexo/admin/tenants/delete"({ tenant_id, purge }, call) {
      const current = settings();
      const unchanged = { removed: false, config_version: current.version };
      if (!sees(call, tenant_id) || current.singleTenant || !current.tenants.has(tenant_id)) {
        return unchanged;
      }
      const agents = [...current.agents.values()]
        .filter((agent) => tenantsOf(agent, current).has(tenant_id))
        .map(({ id }) => id).sort();
      const orphaned = agents.length === 0 ? {} : { orphaned_agents: agents };
      if (agents.length > 0 && purge !== true) return { ...unchanged, ...orphaned };
      const { settings: next } = await changeConfig((draft) => removeTenant(draft, tenant_id));
      return { removed: true, ...orphaned, config_version: next.version };
    },

    async "nexo/admin/tenants/erase"({ tenant_id, contact }, call) {
      // Also of a tenant that is in no file any more: what it left behind is still here.
      if (!sees(call, tenant_id)) return { erased: NOTHING, microapps: [] };
      return deps.erase({ account: tenant_id, contact: contact ?? undefined });
    },
  }, {
    // Also of one that this very call makes.
    "nexo/admin/tenants/upsert": ({ id }) => id,
  });
}

function agentCounts(settings: Settings): Map<string, number> {
  const counts = new Map<string, number>();
  for (const agent of settings.agents.values()) {
    for (const account of tenantsOf(agent, settings)) {
      counts.set(account, (counts.get(account) ?? 0) + 1);
    }
  }
  return counts;
}

type Upsert = Parameters<Handlers<typeof TENANT_METHODS>["nexo/admin/tenants/upsert"]>[0];

/** Writes what was given and keeps the rest; returns whether the tenant is new. */
async function writeTenant(
  draft: ConfigDraft,
  params: Upsert,
  { nowMs, current }: { nowMs: number; current: Settings },
): Promise<boolean> {
  const content = await readMap(draft, FILE);
  const tenants = mapAt(content, "tenants");
  const created = !Object.hasOwn(tenants, params.id);
  // The tenant that everything belonged to so far goes on beside the first one that is declared.
  if (created && current.singleTenant) {
    for (const id of current.tenants.keys()) mapAt(tenants, id);
  }
  const tenant = mapAt(tenants, params.id);
  tenant["display_name"] = literal(params.display_name);
  if (params.active != null) tenant["active"] = params.active;
  if (params.llm_provider_refs != null) {
    tenant["llm_provider_refs"] = params.llm_provider_refs.map(literal);
  }
  if (params.metadata != null) tenant["metadata"] = literalJson(params.metadata);
  if (created) tenant["created_at"] = new Date(nowMs).toISOString();
  await draft.write(FILE, content);
  return created;
}

/** Takes the tenant out of its file, and its providers with it; agents stay, and say so in a check. */
async function removeTenant(draft: ConfigDraft, id: string): Promise<void> {
  const content = await readMap(draft, FILE);
  delete mapAt(content, "tenants")[id];
  await draft.write(FILE, content);
  for (const file of await draft.agentFiles()) {
    const agents = (await readMap(draft, file))["agents"];
    if (!Array.isArray(agents)) continue;
    const whole = await readMap(draft, file);
    // An agent of a tenant that is gone must not become everybody's.
    whole["agents"] = agents.map((agent: Record<string, unknown> | null) =>
      agent?.["tenant_id"] === id ? withoutTenant(agent) : agent
    );
    await draft.write(file, whole);
  }
}

function withoutTenant(agent: Record<string, unknown>): Record<string, unknown> {
  const rest: Record<string, unknown> = { ...agent, active: false };
  delete rest["tenant_id"];
  return rest;
}

/**
 * What microapps were granted under the settings in force, and for which tenants.
 *
 * @module
 */
import type { Caller } from "../admin/method.ts";
import type { Settings } from "../settings/settings.ts";

/** The tenants of a grant; `"all"` without a pin. */
export type GrantedTenants = "all" | readonly string[];

/**
 * The tenants a microapp may use a capability for; undefined without a grant. One that works for a
 * single tenant is granted nothing beyond it.
 */
export function grantedTenants(
  { extensions }: Settings,
  id: string,
  capability: string,
): GrantedTenants | undefined {
  const entry = extensions.entries[id];
  const grants = (entry?.capabilities_grant ?? []).filter((grant) =>
    grant.capability === capability
  );
  if (grants.length === 0) return undefined;
  const pins = grants.map(({ tenants }) => tenants);
  const granted: GrantedTenants = pins.some((tenants) => tenants === undefined)
    ? "all"
    : [...new Set(pins.flatMap((tenants) => tenants ?? []))];
  const own = entry?.tenant_id;
  return own === undefined ? granted : covers(granted, own) ? [own] : [];
}

/** Whether a grant is good for what belongs to `account`; what belongs to no tenant needs all. */
export function covers(tenants: GrantedTenants | undefined, account: string | null): boolean {
  return tenants === "all" || (account !== null && tenants?.includes(account) === true);
}

/** The microapps that were granted a capability for what belongs to `account`. */
export function holdersOf(
  settings: Settings,
  capability: string,
  account: string | null,
): string[] {
  return Object.keys(settings.extensions.entries)
    .filter((id) => covers(grantedTenants(settings, id, capability), account));
}

/** What registering a tenant's credential gives a microapp for that tenant, without a further grant. */
const EARNED: ReadonlySet<string> = new Set(["dispatch_outbound", "audit_read"]);

/**
 * A microapp as the admin methods see it: its grants are looked up at each call. `served` are the
 * tenants whose credentials it registered.
 */
export function callerOf(settings: Settings, id: string, served: () => string[]): Caller {
  return {
    kind: "microapp",
    id,
    grant(capability) {
      const granted = grantedTenants(settings, id, capability);
      if (granted === "all" || !EARNED.has(capability)) return granted;
      const own = settings.extensions.entries[id]?.tenant_id;
      const earned = served().filter((account) => own === undefined || own === account);
      return earned.length === 0 ? granted : [...new Set([...granted ?? [], ...earned])];
    },
  };
}

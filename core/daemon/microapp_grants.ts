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

/** A microapp as the admin methods see it: its grants are looked up at each call. */
export function callerOf(settings: Settings, id: string): Caller {
  return {
    kind: "microapp",
    id,
    grant: (capability) => grantedTenants(settings, id, capability),
  };
}

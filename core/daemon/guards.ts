/**
 * Which microapps must have their say at a hook, by the operator's word.
 *
 * @module
 */
import { HOOK_POINTS, type HookPoint } from "../microapps/handshake.ts";
import type { Guards } from "../microapps/hook_chain.ts";
import type { Settings } from "../settings/settings.ts";

interface Guard {
  readonly id: string;
  /** The one tenant it works for; undefined for all. */
  readonly tenant: string | undefined;
}

const NOBODY: readonly string[] = [];

/** Returns the guards of the settings in force; read once for each snapshot. */
export function createGuards(settings: () => Settings): Guards {
  let knownFor: Settings | undefined;
  let known: ReadonlyMap<HookPoint, readonly Guard[]> = new Map();
  return function guards(point, account) {
    const now = settings();
    if (now !== knownFor) {
      knownFor = now;
      known = new Map(HOOK_POINTS.map((each) => [each, guardsOf(now, each)]));
    }
    const all = known.get(point) ?? [];
    // Asked twice for each call, and mostly there are none.
    if (all.length === 0) return NOBODY;
    return all
      .filter(({ tenant }) => (tenant ?? account) === account)
      .map(({ id }) => id);
  };
}

/** A microapp that the operator switched off guards nothing. */
function guardsOf({ extensions }: Settings, point: HookPoint): Guard[] {
  const { enabled, disabled, allowlist, entries } = extensions;
  if (!enabled) return [];
  return Object.entries(entries)
    .filter(([id, entry]) =>
      entry.enabled && entry.hooks[point].on_failure === "closed" && !disabled.includes(id) &&
      (allowlist.length === 0 || allowlist.includes(id))
    )
    .map(([id, { tenant_id: tenant }]) => ({ id, tenant }));
}

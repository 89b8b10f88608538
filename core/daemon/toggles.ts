/**
 * `nexo doctor capabilities`: every environment variable that switches something, and how it stands.
 *
 * @module
 */
import { amountOf, isSwitchedOn, TOGGLES } from "../contract/mod.ts";
import type { ToggleView } from "../contract/views/health.ts";
import type { Env } from "../microapps/env.ts";
import type { Gate } from "../microapps/manifest.ts";

/** Core's own variables, then those microapps say they read, in the order of their ids. */
export function toggleViews(
  env: Env,
  gates: readonly { readonly microappId: string; readonly gate: Gate }[],
): ToggleView[] {
  return [...ownViews(env), ...gates.map((each) => gateView(env, each))];
}

function ownViews(env: Env): ToggleView[] {
  return Object.values(TOGGLES).map((toggle): ToggleView => {
    const { kind, variable, risk, effect } = toggle;
    const value = kind === "switch" ? isSwitchedOn(env, toggle) : amountOf(env, toggle);
    return {
      extension: "core",
      env_var: variable,
      kind,
      risk,
      state: value === false || value === 0 ? "disabled" : "enabled",
      raw_value: env[variable] ?? null,
      value,
      items_count: null,
      effect,
      hint: kind === "switch"
        ? `on unless set to 0, false or off: export ${variable}=off`
        : `${toggle.fallback} unless set: export ${variable}=<number>`,
    };
  });
}

/** Microapps read their gates themselves; this is how nexo's own read them. */
function gateView(
  env: Env,
  { microappId, gate }: { readonly microappId: string; readonly gate: Gate },
): ToggleView {
  const { variable, kind, risk, effect, hint } = gate;
  const set = env[variable];
  const items = (set ?? "").split(",").filter((item) => item.trim() !== "").length;
  const isOn = kind === "allowlist"
    ? items > 0
    : ["true", "1", "yes"].includes((set ?? "").toLowerCase());
  return {
    extension: microappId,
    env_var: variable,
    kind,
    risk,
    state: kind === "cargo_feature" ? "unknown" : isOn ? "enabled" : "disabled",
    raw_value: set ?? null,
    value: kind === "cargo_feature" ? null : isOn,
    items_count: kind === "allowlist" ? items : null,
    effect,
    hint,
  };
}

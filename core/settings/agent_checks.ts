/**
 * What an agent names: its bindings, subscribers, models and colleagues.
 *
 * @module
 */
import { type AgentConfig, bindingId, INNER_CHANNELS } from "../contract/mod.ts";
import {
  type AgentOrigin,
  type Checked,
  knownProviders,
  providerFix,
  type Report,
  reportTenant,
} from "./checks.ts";
import { BUILT_CHANNELS, PLUGINS } from "./files.ts";
import { closest } from "./problems.ts";
import { MCP_CHANNEL } from "./mcp_channels.ts";
import { instanceOf, tenantOf } from "./tenant.ts";
import type { Path } from "./yaml_file.ts";

/** Everything wrong with what the agents name. */
export function checkAgents(checked: Checked, report: Report): void {
  checkAgentIds(checked, report);
  const ids = new Set(checked.origins.map(({ agent }) => agent.id));
  for (const origin of checked.origins) {
    checkBindings(checked, origin, report);
    checkLimits(origin, report);
    checkSubscribers(checked, origin, report);
    checkModels(checked, origin, report);
    checkDelegates(ids, origin, report);
  }
  checkAnswerers(checked, report);
}

/** A line is answered by the first agent that may: another one on it never hears a word. */
function checkAnswerers({ settings, origins }: Checked, report: Report): void {
  const answerers = new Map<string, string>();
  for (const { file, index, agent } of origins) {
    if (!agent.active) continue;
    agent.inbound_bindings.forEach(({ plugin, instance }, i) => {
      if (INNER_CHANNELS.includes(plugin) || plugin === MCP_CHANNEL) return;
      const allowed = instanceOf(settings.plugins, plugin, instance ?? "default")?.allow_agents;
      if (allowed !== undefined && allowed.length > 0 && !allowed.includes(agent.id)) return;
      const line = bindingId(plugin, instance ?? null);
      const other = answerers.get(line);
      if (other === undefined) answerers.set(line, agent.id);
      if (other === undefined || other === agent.id) return;
      report(
        "warning",
        file,
        ["agents", index, "inbound_bindings", i],
        `agent "${agent.id}" never answers on "${line}", since agent "${other}" does`,
        `Remove one of the two bindings, or switch one of the agents off with active: false`,
      );
    });
  }
}

/** Calls `taken` for each item whose key an earlier one has. */
function repeated<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  taken: (item: T, i: number, first: number) => void,
): void {
  const seen = new Map<string, number>();
  items.forEach((item, i) => {
    const first = seen.get(keyOf(item));
    if (first === undefined) seen.set(keyOf(item), i);
    else taken(item, i, first);
  });
}

function checkAgentIds({ origins, place }: Checked, report: Report): void {
  repeated(origins, ({ agent }) => agent.id, ({ file, index, agent }, _, first) => {
    const other = origins[first];
    if (other === undefined) return;
    const at = place(other.file, ["agents", other.index, "id"]);
    report(
      "error",
      file,
      ["agents", index, "id"],
      `agent "${agent.id}" is already declared in ${at.file}:${at.line}`,
      "Rename one of the two, or remove it",
    );
  });
}

function idOf({ plugin, instance }: AgentConfig["inbound_bindings"][number]): string {
  return bindingId(plugin, instance ?? null);
}

function checkBindings({ settings }: Checked, { file, index, agent }: AgentOrigin, report: Report) {
  const base = ["agents", index, "inbound_bindings"] as const;
  repeated(agent.inbound_bindings, idOf, (binding, i, first) => {
    const message = `agents[${index}].inbound_bindings[${i}]: repeats "${
      idOf(binding)
    }" of [${first}]`;
    report("error", file, [...base, i], message, "Keep one of the two");
  });
  agent.inbound_bindings.forEach(({ plugin, instance }, i) => {
    const path = [...base, i, "plugin"];
    if (plugin === "event") {
      if (agent.event_subscribers.some(({ id }) => id === instance)) return;
      const message = `binding "${bindingId(plugin, instance ?? null)}" has no event subscriber`;
      report("warning", file, path, message, "Give it the id of a subscriber as instance");
    } else if (INNER_CHANNELS.includes(plugin)) {
      // Overrides for what core itself begins: nobody writes there.
    } else if (Object.hasOwn(PLUGINS, plugin) && !BUILT_CHANNELS.includes(plugin)) {
      const message = `channel "${plugin}" is not used by this version`;
      report("warning", file, path, message, "Remove the binding, or leave it for later");
    } else if (
      instance !== undefined && tenantOf(settings, agent, plugin, instance) === undefined
    ) {
      const message = `nothing says which tenant "${plugin}:${instance}" belongs to`;
      report("warning", file, path, message, noTenantFix(plugin, instance));
    }
  });
}

function checkLimits({ file, index, agent }: AgentOrigin, report: Report): void {
  const bound = new Set([
    ...agent.inbound_bindings.map(idOf),
    ...agent.event_subscribers.map(({ id }) => bindingId("event", id)),
  ]);
  for (const id of Object.keys(agent.tool_rate_limits?.bindings ?? {})) {
    if (bound.has(id)) continue;
    const meant = closest(id, bound);
    report(
      "warning",
      file,
      ["agents", index, "tool_rate_limits", id],
      `agent "${agent.id}" has no binding "${id}", so these limits never apply`,
      meant === undefined ? "Add the binding, or remove the limits" : `Did you mean "${meant}"?`,
    );
  }
}

function noTenantFix(channel: string, instance: string): string {
  return `Declare tenant "${instance}", give the agent a tenant_id, or set account_id in plugins/${channel}.yaml`;
}

function checkSubscribers(
  { settings }: Checked,
  { file, index, agent }: AgentOrigin,
  report: Report,
): void {
  const base = ["agents", index, "event_subscribers"] as const;
  repeated(agent.event_subscribers, ({ id }) => id, ({ id }, i, first) => {
    const message = `subscriber "${id}" is already declared as event_subscribers[${first}]`;
    report("error", file, [...base, i, "id"], message, "Rename one of the two");
  });
  agent.event_subscribers.forEach(({ account_id: account }, i) => {
    if (account === undefined || account.includes("{{")) return;
    reportTenant(settings, account, file, [...base, i, "account_id"], report);
  });
}

function checkModels({ settings }: Checked, { file, index, agent }: AgentOrigin, report: Report) {
  const known = knownProviders(settings, agent.tenant_id);
  const check = (name: string | undefined, path: Path) => {
    if (name === undefined || known.has(name)) return;
    report("error", file, path, `provider "${name}" is not configured`, providerFix(name, known));
  };
  check(agent.model.provider, ["agents", index, "model", "provider"]);
  agent.inbound_bindings.forEach(({ model }, i) =>
    check(model?.provider, ["agents", index, "inbound_bindings", i, "model", "provider"])
  );
}

function checkDelegates(
  ids: ReadonlySet<string>,
  { file, index, agent }: AgentOrigin,
  report: Report,
): void {
  for (const key of ["allowed_delegates", "accept_delegates_from"] as const) {
    agent[key].forEach((name, i) => {
      if (name.includes("*") || ids.has(name)) return;
      const meant = closest(name, ids);
      const fix = meant === undefined ? "Remove it, or add the agent" : `Did you mean "${meant}"?`;
      report("warning", file, ["agents", index, key, i], `there is no agent "${name}"`, fix);
    });
  }
}

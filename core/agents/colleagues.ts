/**
 * Whom an agent may hand work to.
 *
 * @module
 */
import { type AgentConfig, DEFAULT_ACCOUNT, type Inbound } from "../contract/mod.ts";
import type { Settings } from "../settings/settings.ts";
import { tenantOf } from "../settings/tenant.ts";
import type { Policy } from "./policy.ts";

/** The built-in tool that hands work on. */
export const DELEGATE = "delegate";
/** How many agents a task may pass on its way; each waits for the next. */
const MAX_DEPTH = 4;

/** Those an agent may hand a task to now, in the order of the config. */
export function colleaguesOf(
  policy: Policy,
  { key, delegation }: Pick<Inbound, "key" | "delegation">,
  settings: Settings,
): AgentConfig[] {
  const callers = delegation?.callers ?? [];
  if (callers.length >= MAX_DEPTH) return [];
  // Somebody who waits for this very task can never take it.
  const busy = new Set([key, ...callers].map(({ agent_id }) => agent_id));
  const rules = [policy, ...policy.callers];
  return [...settings.agents.values()].filter((agent) =>
    agent.active && !busy.has(agent.id) && worksFor(agent, key.account_id, settings) &&
    rules.every(({ delegates }) => isNamed(agent.id, delegates)) &&
    isNamed(key.agent_id, agent.accept_delegates_from)
  );
}

/** Whether an agent is a tenant's own, or nobody's in particular. */
function worksFor(agent: AgentConfig, account: string, settings: Settings): boolean {
  if (agent.tenant_id !== undefined) return agent.tenant_id === account;
  if (settings.singleTenant) return account === DEFAULT_ACCOUNT;
  const accounts = agent.inbound_bindings
    .map(({ plugin, instance }) => tenantOf(settings, agent, plugin, instance))
    .filter((found) => found !== undefined);
  return accounts.length === 0 || accounts.includes(account);
}

/** Whether a list names an agent; an empty one names all, a trailing `*` stands for any rest. */
function isNamed(id: string, patterns: readonly string[]): boolean {
  return patterns.length === 0 ||
    patterns.some((pattern) =>
      pattern.endsWith("*") ? id.startsWith(pattern.slice(0, -1)) : pattern === id
    );
}

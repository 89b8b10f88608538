/**
 * Who answers on a channel's instance, and for which tenant.
 *
 * @module
 */
import { bindingId, CodedError } from "../contract/mod.ts";
import { agentsBoundTo } from "../settings/bindings.ts";
import type { Settings } from "../settings/settings.ts";
import { instanceOf, tenantOf } from "../settings/tenant.ts";

/** The agent and tenant of everything that arrives on an instance. */
export interface Answerer {
  readonly account: string;
  readonly agentId: string;
}

/**
 * The first active agent with a binding for (channel, instance) that the instance lets in. A suspended
 * tenant is an answer too when `suspended` says so: for what is kept until the tenant is active again.
 *
 * @throws {CodedError} `agent_unknown` when there is none, `account_unknown` when nothing says whose
 * the instance is, `account_suspended` when its tenant is
 */
export function answererOf(
  settings: Settings,
  channel: string,
  instance: string,
  { suspended = "refuse" }: { suspended?: "accept" | "refuse" } = {},
): Answerer {
  const id = bindingId(channel, instance);
  const allowed = instanceOf(settings.plugins, channel, instance)?.allow_agents ?? [];
  for (const agent of agentsBoundTo(settings, channel, instance)) {
    const answers = agent.active && (allowed.length === 0 || allowed.includes(agent.id));
    if (!answers) continue;
    const account = tenantOf(settings, agent, channel, instance);
    const tenant = account === undefined ? undefined : settings.tenants.get(account);
    if (account === undefined || tenant === undefined) {
      throw new CodedError("account_unknown", `nothing says which tenant "${id}" belongs to`);
    }
    if (!tenant.active && suspended === "refuse") {
      throw new CodedError("account_suspended", `tenant "${account}" is suspended`);
    }
    return { account, agentId: agent.id };
  }
  throw new CodedError("agent_unknown", `no active agent answers on "${id}"`);
}

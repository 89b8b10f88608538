/**
 * Whose a channel instance is.
 *
 * @module
 */
import { type AccountId, type AgentConfig, DEFAULT_ACCOUNT } from "../contract/mod.ts";
import { MCP_CHANNEL } from "./mcp_channels.ts";
import type { Settings } from "./settings.ts";

/**
 * The tenant of what arrives on (`channel`, `instance`) for `agent`, or undefined when nothing says.
 *
 * First the account in `plugins/<channel>.yaml`, for a server of MCP that in `mcp.yaml`, then the agent's
 * `tenant_id`, then the instance when a tenant is called so, then `default` when no tenants are declared.
 * Whether the tenant is active is the caller's to check.
 */
export function tenantOf(
  settings: Pick<Settings, "mcp" | "plugins" | "singleTenant" | "tenants">,
  agent: Pick<AgentConfig, "tenant_id">,
  channel: string,
  instance: string | undefined,
): AccountId | undefined {
  const account = accountOfInstance(settings, channel, instance) ?? agent.tenant_id;
  if (account !== undefined) return account;
  if (settings.singleTenant) return DEFAULT_ACCOUNT;
  return instance !== undefined && settings.tenants.has(instance) ? instance : undefined;
}

/** The account `plugins/<channel>.yaml` or `mcp.yaml` gives to an instance. */
function accountOfInstance(
  { mcp, plugins }: Pick<Settings, "mcp" | "plugins">,
  channel: string,
  instance = "default",
): AccountId | undefined {
  if (channel === MCP_CHANNEL) return mcp.servers[instance]?.tenant_id;
  return instanceOf(plugins, channel, instance)?.account_id;
}

/** A channel instance as any `plugins/<channel>.yaml` declares it. */
export interface ChannelInstance {
  readonly instance: string;
  readonly account_id?: AccountId | undefined;
  /** Off means as if it were not declared. @default {true} */
  readonly enabled?: boolean | undefined;
  /** The only agents that may answer on it; empty means any. */
  readonly allow_agents?: readonly string[] | undefined;
}

/** One instance as `plugins/<channel>.yaml` declares it. */
export function instanceOf(
  plugins: Settings["plugins"],
  channel: string,
  instance: string,
): ChannelInstance | undefined {
  return instancesOf(plugins, channel).find((entry) => entry.instance === instance);
}

/** The instances `plugins/<channel>.yaml` declares. */
export function instancesOf(
  plugins: Settings["plugins"],
  channel: string,
): readonly ChannelInstance[] {
  const config = Object.hasOwn(plugins, channel)
    ? plugins[channel as keyof Settings["plugins"]]
    : undefined;
  if (config === undefined) return [];
  if ("accounts" in config) return config.accounts;
  return "instances" in config ? config.instances : config;
}

/**
 * Who is bound where, found without asking every agent: tenants may be many thousands.
 *
 * @module
 */
import { type AgentConfig, type BindingConfig, bindingId } from "../contract/mod.ts";
import { MCP_CHANNEL, serversHeardBy } from "./mcp_channels.ts";
import type { Settings } from "./settings.ts";

type Agents = Settings["agents"];

/** Made once for each snapshot of the settings, and gone with it. */
const boundAgents = new WeakMap<Agents, ReadonlyMap<string, readonly AgentConfig[]>>();
const ownBindings = new WeakMap<AgentConfig, ReadonlyMap<string, BindingConfig>>();
const subscribing = new WeakMap<Agents, readonly AgentConfig[]>();

function memo<K extends object, V>(known: WeakMap<K, V>, key: K, make: () => V): V {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  return made;
}

/**
 * The agents with a binding for (channel, instance), in the order of the config. A server of MCP is
 * heard by its approval alone: no binding stands in for it.
 */
export function agentsBoundTo(
  { agents }: Pick<Settings, "agents">,
  channel: string,
  instance: string,
): readonly AgentConfig[] {
  const all = memo(boundAgents, agents, () => {
    const bound = new Map<string, AgentConfig[]>();
    for (const agent of agents.values()) {
      for (const id of linesOf(agent)) {
        const others = bound.get(id);
        if (others === undefined) bound.set(id, [agent]);
        else others.push(agent);
      }
    }
    return bound;
  });
  return all.get(bindingId(channel, instance)) ?? [];
}

function linesOf(agent: AgentConfig): string[] {
  const written = [...bindingsById(agent)].filter(([, { plugin }]) => plugin !== MCP_CHANNEL);
  const servers = serversHeardBy(agent).map((server) => bindingId(MCP_CHANNEL, server));
  return [...written.map(([id]) => id), ...servers];
}

/** The binding of an agent that is written for (channel, instance); the first of several. */
export function writtenBinding(
  agent: AgentConfig,
  channel: string,
  instance: string,
): BindingConfig | undefined {
  return bindingsById(agent).get(bindingId(channel, instance));
}

/** The agents that subscribe to events, in the order of the config. */
export function subscribingAgents({ agents }: Pick<Settings, "agents">): readonly AgentConfig[] {
  return memo(
    subscribing,
    agents,
    () => [...agents.values()].filter(({ event_subscribers }) => event_subscribers.length > 0),
  );
}

function bindingsById(agent: AgentConfig): ReadonlyMap<string, BindingConfig> {
  return memo(ownBindings, agent, () => {
    const bindings = new Map<string, BindingConfig>();
    for (const binding of agent.inbound_bindings) {
      const id = bindingId(binding.plugin, binding.instance ?? null);
      if (!bindings.has(id)) bindings.set(id, binding);
    }
    return bindings;
  });
}

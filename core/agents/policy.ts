/**
 * What an agent may do in one conversation: its own settings under those of the binding.
 *
 * @module
 */
import {
  type AgentConfig,
  type BindingConfig,
  bindingId,
  type ConversationKey,
  type ErrorCode,
  type FallbackReply,
  type ToolRateLimits,
} from "../contract/mod.ts";
import { writtenBinding } from "../settings/bindings.ts";
import { approvalOf, MCP_CHANNEL } from "../settings/mcp_channels.ts";
import type { Settings } from "../settings/settings.ts";

/** A tool's two names: the child's own and the one the model sees. */
export interface ToolNames {
  readonly name: string;
  readonly ownName: string;
}

/** The rules of one turn. Read anew for each turn and each tool call, so a revocation acts at once. */
export interface Policy {
  readonly agent: AgentConfig;
  readonly bindingId: string;
  readonly model: { readonly provider: string; readonly model: string };
  /** The system prompt before language and safety blocks. */
  readonly systemPrompt: string;
  readonly language: string | undefined;
  /** What people read instead of an answer, where the operator says. */
  readonly fallbackReply: FallbackReply;
  /** Names of skills, the binding's in place of the agent's. */
  readonly skills: readonly string[];
  /** Limits of the agent and of the binding, the latter on top. */
  readonly limits: {
    readonly agent: ToolRateLimits | undefined;
    readonly binding: ToolRateLimits | undefined;
  };
  /** Whether a microapp's tool may be called. */
  readonly allows: (tool: ToolNames) => boolean;
  /**
   * Whether a built-in tool may be called: only when an entry is its very name. A pattern is written
   * with the tools of microapps in mind, and must not hand out one that core brings.
   */
  readonly names: (builtIn: string) => boolean;
  /** Agents it may hand work to, as written; empty means any. */
  readonly delegates: readonly string[];
  /** The rules of those in whose name it works; their limits hold beside its own. */
  readonly callers: readonly Policy[];
}

/** The rules, or why there are none. */
export type PolicyResult =
  | { readonly kind: "active"; readonly policy: Policy }
  | {
    readonly kind: "refused";
    readonly code: ErrorCode;
    readonly reason: string;
    /** Whether it is for a time only, so that messages wait for its end. */
    readonly waits: boolean;
  };

/** Whether a tenant or an agent is switched off, so that what comes for it waits. */
export function isParked(
  { agents, tenants }: Pick<Settings, "agents" | "tenants">,
  account: string,
  agentId: string,
): boolean {
  return tenants.get(account)?.active === false || agents.get(agentId)?.active === false;
}

/**
 * The effective policy of a conversation under a settings snapshot. Who works for others may do what
 * all of them may: `callers` are their conversations.
 */
export function policyOf(
  settings: Settings,
  key: ConversationKey,
  callers: readonly ConversationKey[] = [],
): PolicyResult {
  if (key.channel === "delegation" && callers.length === 0) {
    return refused("agent_unknown", `nobody handed a task to agent "${key.agent_id}"`);
  }
  const own = ownPolicyOf(settings, key);
  if (own.kind === "refused") return own;
  const others: Policy[] = [];
  for (const caller of callers) {
    const found = ownPolicyOf(settings, caller);
    if (found.kind === "refused") return { ...found, waits: false };
    others.push(found.policy);
  }
  if (others.length === 0) return own;
  const all = [own.policy, ...others];
  return {
    kind: "active",
    policy: {
      ...own.policy,
      allows: (tool) => all.every((policy) => policy.allows(tool)),
      names: (builtIn) => all.every((policy) => policy.names(builtIn)),
      callers: others,
    },
  };
}

/**
 * Returns the rules of a conversation as they are at each call: of the settings in force then, from
 * which they are worked out once.
 */
export function createPolicyReader(
  settings: () => Settings,
  key: ConversationKey,
  callers?: readonly ConversationKey[],
): () => PolicyResult {
  let read: Settings | undefined;
  let rules: PolicyResult | undefined;
  return function policy() {
    const now = settings();
    if (rules === undefined || now !== read) rules = policyOf(now, key, callers);
    read = now;
    return rules;
  };
}

/** The rules of a conversation by itself. */
function ownPolicyOf(settings: Settings, key: ConversationKey): PolicyResult {
  const tenant = settings.tenants.get(key.account_id);
  if (tenant === undefined) {
    return refused("account_unknown", `tenant "${key.account_id}" is unknown`);
  }
  if (!tenant.active) {
    return refused("account_suspended", `tenant "${key.account_id}" is suspended`, true);
  }
  const agent = settings.agents.get(key.agent_id);
  if (agent === undefined) return refused("agent_unknown", `agent "${key.agent_id}" is unknown`);
  if (!agent.active) return refused("agent_unknown", `agent "${key.agent_id}" is not active`, true);
  if (agent.tenant_id != null && agent.tenant_id !== key.account_id) {
    return refused("agent_unknown", `agent "${key.agent_id}" belongs to another tenant`);
  }
  const binding = findBinding(agent, key.channel, key.instance);
  if (binding === undefined) {
    return refused(
      "agent_unknown",
      `agent "${agent.id}" has no binding ${key.channel}:${key.instance}`,
    );
  }
  const allowed = binding.allowed_tools ?? agent.allowed_tools;
  return {
    kind: "active",
    policy: {
      agent,
      bindingId: bindingId(key.channel, key.instance),
      model: binding.model ?? agent.model,
      systemPrompt: [agent.system_prompt, addendum(binding)].filter((part) => part !== "").join(
        "\n\n",
      ),
      language: (binding.language ?? agent.language) || undefined,
      fallbackReply: binding.fallback_reply ?? agent.fallback_reply ?? {},
      skills: binding.skills ?? agent.skills,
      limits: limitSetsOf(agent, binding),
      allows: allowListOf(allowed),
      names: (builtIn) => allowed.includes(builtIn),
      delegates: binding.allowed_delegates ?? agent.allowed_delegates,
      callers: [],
    },
  };
}

/**
 * The binding that answers (channel, instance): instances must be equal, and none means `default`.
 *
 * An MCP server the agent hears is a binding of channel `mcp`, an event subscriber one of channel
 * `event`, a schedule without a conversation one of channel `timer`, and a task from another agent one of
 * `delegation` with its id as instance; one written by hand only adds overrides.
 */
export function findBinding(
  agent: AgentConfig,
  channel: string,
  instance: string,
): Partial<BindingConfig> | undefined {
  if (channel === MCP_CHANNEL && approvalOf(agent, instance) === undefined) return undefined;
  const written = writtenBinding(agent, channel, instance);
  if (written !== undefined) return written;
  if (channel === "timer" || channel === "delegation") return {};
  if (channel === MCP_CHANNEL) return mcpBinding(agent, instance);
  if (channel !== "event") return undefined;
  return agent.event_subscribers.some(({ id }) => id === instance) ? {} : undefined;
}

function mcpBinding(agent: AgentConfig, server: string): Partial<BindingConfig> {
  const rate = approvalOf(agent, server)?.rate_limit ?? agent.channels.default_rate_limit;
  return rate === undefined ? {} : { sender_rate_limit: rate };
}

/** What holds for tool calls on a binding; undefined when the agent is unknown. */
export function toolLimitsOf(
  { agents }: Pick<Settings, "agents">,
  agentId: string,
  bindingId: string | null,
): Policy["limits"] | undefined {
  const agent = agents.get(agentId);
  if (agent === undefined) return undefined;
  const binding = bindingId === null ? undefined : bindingOf(agent, bindingId);
  return limitSetsOf(agent, binding);
}

/** How often one sender may write on a binding; undefined is no limit. */
export function senderRateOf(
  { agents }: Pick<Settings, "agents">,
  agentId: string,
  bindingId: string,
): { readonly rps: number; readonly burst: number } | undefined {
  const agent = agents.get(agentId);
  const own = agent && (bindingOf(agent, bindingId)?.sender_rate_limit ?? "inherit");
  const rate = own === "inherit" ? agent?.sender_rate_limit : own === "disable" ? undefined : own;
  return rate === undefined || rate.rps === 0
    ? undefined
    : { rps: rate.rps, burst: Math.max(1, rate.burst) };
}

/** The same text for settings with the same agents and limits. */
export function limitsFingerprint({ agents }: Pick<Settings, "agents">): string {
  return JSON.stringify([...agents.values()].map((agent) => [
    agent.id,
    agent.tool_rate_limits,
    agent.sender_rate_limit,
    agent.inbound_bindings.map((binding) => [
      binding.plugin,
      binding.instance,
      binding.tool_rate_limits,
      binding.sender_rate_limit,
    ]),
  ]));
}

function bindingOf(agent: AgentConfig, id: string): Partial<BindingConfig> | undefined {
  const colon = id.indexOf(":");
  return findBinding(agent, id.slice(0, colon), id.slice(colon + 1));
}

function limitSetsOf(
  agent: AgentConfig,
  binding: Partial<BindingConfig> | undefined,
): Policy["limits"] {
  return { agent: agent.tool_rate_limits, binding: binding?.tool_rate_limits };
}

function refused(code: ErrorCode, reason: string, waits = false): PolicyResult {
  return { kind: "refused", code, reason, waits };
}

function addendum(binding: Partial<BindingConfig>): string {
  const extra = binding.system_prompt_extra?.trim() ?? "";
  return extra === "" ? "" : `# CHANNEL ADDENDUM\n${extra}`;
}

/** Whether a list of names, and of beginnings with a `*` behind them, allows a tool; an empty one allows all. */
export function allowListOf(allowed: readonly string[]): Policy["allows"] {
  if (allowed.length === 0) return () => true;
  const names = new Set(allowed.filter((pattern) => !pattern.endsWith("*")));
  const beginnings = allowed.filter((pattern) => pattern.endsWith("*"))
    .map((pattern) => pattern.slice(0, -1));
  return function allows({ name, ownName }) {
    if (names.has(name) || names.has(ownName)) return true;
    for (const beginning of beginnings) {
      if (name.startsWith(beginning) || ownName.startsWith(beginning)) return true;
    }
    return false;
  };
}

/**
 * `agents.yaml` and `agents.d/*.yaml`: the agents, what they listen to and what they may do.
 *
 * @module
 */
import { z } from "zod";
import { InboundKind } from "../binding.ts";
import { AccountId, AgentId, Slug } from "../ids.ts";
import { isPattern, patternsIntersect, RESERVED_PATTERNS } from "../subjects.ts";
import { AgentChannels } from "./agent_channels.ts";
import {
  block,
  Count,
  Json,
  list,
  map,
  optional,
  Positive,
  schemaVersion,
  Text,
  unused,
  withDefault,
} from "./block.ts";
import {
  AgentToolRateLimits,
  BindingToolRateLimits,
  SenderRateLimit,
  SenderRateLimitOverride,
} from "./limits.ts";
import { DurationMs } from "./units.ts";

/** Keys of a binding that are read and change nothing. */
export const UNUSED_BINDING_KEYS = [
  "allowed_channel_servers",
  "auto_approve",
  "config_tool",
  "dispatch_policy",
  "link_understanding",
  "lsp",
  "plan_mode",
  "proactive",
  "remote_triggers",
  "repl",
  "role",
  "team",
  "web_search",
] as const;

/** Keys of an agent that are read and change nothing. */
export const UNUSED_AGENT_KEYS = [
  "assistant_mode",
  "auto_approve",
  "auto_dream",
  "away_summary",
  "brief",
  "config_tool",
  "context_optimization",
  "credentials",
  "dispatch_policy",
  "dreaming",
  "extra_docs",
  "extract_memories",
  "google_auth",
  "link_understanding",
  "lsp",
  "plan_mode",
  "plugins",
  "proactive",
  "remote_triggers",
  "repl",
  "role",
  "team",
  "tool_args_validation",
  "web_search",
  "workspace",
  "workspace_git",
] as const;

/** Keys of a subscriber that are read and change nothing: events wait on disk, without a buffer. */
export const UNUSED_SUBSCRIBER_KEYS = ["max_buffer", "overflow_policy"] as const;

/** Which language model answers; `provider` is `offline` or a name in `llm.yaml`. */
export const ModelChoice = z.strictObject({ provider: Text, model: Text });
/** See {@linkcode ModelChoice}. */
export type ModelChoice = z.infer<typeof ModelChoice>;

/** Whom an agent may write to, by channel; a channel not listed or empty is not restricted. */
export const OutboundAllowlist = map(
  Slug,
  list(z.union([z.string(), z.int()]).transform(String)),
);
/** See {@linkcode OutboundAllowlist}. */
export type OutboundAllowlist = z.infer<typeof OutboundAllowlist>;

/**
 * A language by code or name; empty is none. It becomes a line of the prompt, so everything that could
 * end the line or hide in it is taken out.
 */
const Language = z.string().transform((text) =>
  text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, " ").trim()
).pipe(z.string().max(64));

const FallbackTexts = z.strictObject({
  /** The model gave no answer. */
  failed: optional(z.string().max(2_000)),
  /** The model asked for tools too many times. */
  tool_loop: optional(z.string().max(2_000)),
  /** A budget is used up. */
  budget_exceeded: optional(z.string().max(2_000)),
});

/**
 * What people read when they get no answer: one text, or one for each reason; empty means silence,
 * absent words of ours in the agent's language.
 */
export const FallbackReply = z.union([
  z.string().max(2_000).transform((text): z.infer<typeof FallbackTexts> => ({
    failed: text,
    tool_loop: text,
    budget_exceeded: text,
  })),
  FallbackTexts,
]);
/** See {@linkcode FallbackReply}. */
export type FallbackReply = z.infer<typeof FallbackReply>;

/** What a line does with people who write alone; absent means the agent's, and in the end `open`. */
const DmPolicyName = z.enum(["open", "pairing", "allowlist"]);
const peopleKeys = {
  dm_policy: optional(DmPolicyName),
  /** Senders who need no pairing, as the channel names them. */
  allow_from: optional(z.array(z.union([z.string(), z.int()]).transform(String))),
  /** Nexo's form: `auto_challenge: true` is `dm_policy: pairing`. */
  pairing_policy: optional(z.looseObject({ auto_challenge: optional(z.boolean()) })),
};

/** One channel an agent answers. What is present replaces the agent's value, also when empty. */
export const BindingConfig = z.strictObject({
  /** The channel, for example `webchat`; `event` with a subscriber's id as instance. */
  plugin: Slug,
  /** One bot or line of the channel; absent means the one called `default`. */
  instance: optional(Slug),
  allowed_tools: optional(z.array(Text)),
  outbound_allowlist: optional(
    z.record(Slug, z.array(z.union([z.string(), z.int()]).transform(String))),
  ),
  skills: optional(z.array(Text)),
  model: optional(ModelChoice),
  /** Added to the agent's prompt as a channel addendum. Not expanded from the environment. */
  system_prompt_extra: optional(z.string()),
  sender_rate_limit: SenderRateLimitOverride,
  allowed_delegates: optional(z.array(Text)),
  language: optional(Language),
  fallback_reply: optional(FallbackReply),
  tool_rate_limits: optional(BindingToolRateLimits),
  ...peopleKeys,
  ...unused(UNUSED_BINDING_KEYS),
});
/** See {@linkcode BindingConfig}. */
export type BindingConfig = z.infer<typeof BindingConfig>;

/** A subject pattern a subscriber may listen to: well formed, and never what core itself publishes. */
export const SubscriberPattern = z.string().superRefine((pattern, ctx) => {
  if (!isPattern(pattern)) {
    ctx.addIssue({
      code: "custom",
      message: "must be dot-separated tokens, * for one, > for the rest at the end",
      params: { fix: "Write for example webhook.github.*" },
    });
    return;
  }
  const reserved = RESERVED_PATTERNS.find((other) => patternsIntersect(pattern, other));
  if (reserved !== undefined) {
    ctx.addIssue({
      code: "custom",
      message: `overlaps "${reserved}", which core itself publishes: events would loop`,
      params: { fix: "Start the pattern with a fixed token, for example webhook.>" },
    });
  }
});

/** How events of a subject become turns of an agent. */
export const EventSubscriberConfig = z.strictObject({
  /** Unique within the agent; the instance of its binding `event:<id>`. */
  id: Slug,
  subject_pattern: SubscriberPattern,
  synthesize_inbound: withDefault(z.enum(["synthesize", "tick", "off"]), "synthesize"),
  /** Text with `{{path}}`; absent means the payload as JSON. */
  inbound_template: optional(z.string()),
  max_concurrency: withDefault(Positive, 1),
  max_buffer: withDefault(Positive, 64),
  overflow_policy: withDefault(z.enum(["drop-oldest", "drop-newest"]), "drop-oldest"),
  inbound_kind: withDefault(InboundKind, "external_user"),
  /** Template of the tenant, over payload and `subject`; for example `{{subject.3}}`. */
  account_id: optional(Text),
  /** Template of what makes one conversation; absent means one per subscriber and tenant. */
  session_key: optional(Text),
  /** Whether `account_id` may come from the payload, which the sender writes. */
  trust_payload_tenant: withDefault(z.boolean(), false),
});
/** See {@linkcode EventSubscriberConfig}. */
export type EventSubscriberConfig = z.infer<typeof EventSubscriberConfig>;

/** How an agent's conversations run. */
const AgentRuntime = block({
  /** Channel messages arriving within it become one turn; milliseconds. */
  debounce_ms: withDefault(Count.max(600_000), 300),
  /** Turns at once, all tenants together; absent: no limit of its own. */
  max_concurrent_turns: optional(Positive.max(10_000)),
  /** Messages from people that may wait in one conversation; one more is refused. */
  queue_cap: withDefault(Positive.max(100_000), 32),
  /** Messages of history the model is shown. */
  max_history_turns: withDefault(Count.max(900), 50),
  /** Tokens of history the model is shown, roughly counted. */
  max_history_tokens: withDefault(Count.max(10_000_000), 16_000),
  /** Whether the model sums up what becomes too old to be shown; else it is left out. */
  summarize_history: withDefault(z.boolean(), true),
  /** Times the model may ask for tools in one turn. */
  max_tool_iterations: withDefault(Positive.max(1_000), 10),
  /** Milliseconds one turn may take, tools included. */
  turn_timeout_ms: withDefault(Positive.min(100).max(86_400_000), 120_000),
});

/** One agent. */
export const AgentConfig = z.strictObject({
  id: AgentId,
  /** The tenant of everything that names no other. */
  tenant_id: optional(AccountId),
  active: withDefault(z.boolean(), true),
  /** One line for other agents and people. */
  description: withDefault(z.string(), ""),
  model: ModelChoice,
  /** Not expanded from the environment. */
  system_prompt: withDefault(z.string(), ""),
  language: optional(Language),
  fallback_reply: optional(FallbackReply),
  /** Globs over tool names; empty means all tools of microapps. Built-in tools only when named. */
  allowed_tools: list(Text),
  inbound_bindings: list(BindingConfig),
  event_subscribers: list(EventSubscriberConfig),
  tool_rate_limits: optional(AgentToolRateLimits),
  sender_rate_limit: optional(SenderRateLimit),
  outbound_allowlist: OutboundAllowlist,
  ...peopleKeys,
  skills: list(Text),
  /** Relative to the config directory. */
  skills_dir: withDefault(Text, "./skills"),
  skill_overrides: map(Text, z.enum(["strict", "warn", "disable"])),
  /** Agents it may hand work to; a trailing `*` matches, empty means any. */
  allowed_delegates: list(Text),
  /** Agents it takes work from; a trailing `*` matches, empty means any. */
  accept_delegates_from: list(Text),
  /** MCP servers people write through. */
  channels: AgentChannels,
  heartbeat: block({
    enabled: withDefault(z.boolean(), false),
    interval: withDefault(z.string(), "5m").pipe(DurationMs),
  }).transform(({ enabled, interval }) => ({ enabled, interval_ms: interval })),
  /** Where readable JSONL transcripts are written as well; relative to the config directory. */
  transcripts_dir: optional(z.string()),
  /** By microapp id: what it is told about this agent. */
  extensions_config: map(Text, Json),
  config: AgentRuntime,
  ...unused(UNUSED_AGENT_KEYS),
});
/** See {@linkcode AgentConfig}. */
export type AgentConfig = z.infer<typeof AgentConfig>;

/** A whole `agents.yaml`, or one file of `agents.d`. */
export const AgentsFile = z.strictObject({ ...schemaVersion, agents: list(AgentConfig) });
/** See {@linkcode AgentsFile}. */
export type AgentsFile = z.infer<typeof AgentsFile>;

/**
 * The settings of one moment: everything the config files said, read once and frozen.
 *
 * @module
 */
import type {
  AccountId,
  AgentConfig,
  BrokerConfig,
  ExtensionsConfig,
  LlmConfig,
  McpConfig,
  OversightConfig,
  PluginsConfig,
  PollersConfig,
  TenantConfig,
  TranscriptsConfig,
  WebhookReceiver,
} from "../contract/mod.ts";

/** A tenant with its name filled in. */
export interface Tenant extends TenantConfig {
  readonly id: AccountId;
  readonly display_name: string;
}

/** Deep-frozen; a change of config gives a new one. Paths in it are absolute. */
export interface Settings {
  /** Rises by one with each snapshot a daemon applies. */
  readonly version: number;
  readonly configDir: string;
  readonly agents: ReadonlyMap<string, AgentConfig>;
  /** Those declared, or `default` alone when there are none. */
  readonly tenants: ReadonlyMap<AccountId, Tenant>;
  /** Whether `tenants` stands in for a missing declaration. */
  readonly singleTenant: boolean;
  /** Turns at once: of all tenants together, and of each that says nothing else. */
  readonly turns: { readonly max: number; readonly maxPerTenant: number };
  /** Whether metrics name tenants. */
  readonly tenantLabel: boolean;
  readonly webhooks: WebhookReceiver;
  readonly extensions: ExtensionsConfig;
  readonly llm: LlmConfig;
  readonly transcripts: TranscriptsConfig;
  readonly oversight: OversightConfig;
  readonly broker: BrokerConfig;
  readonly pollers: PollersConfig;
  readonly mcp: McpConfig;
  readonly plugins: PluginsConfig;
}

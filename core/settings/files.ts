/**
 * Which config files there are, what each may hold and which of its parts are treated specially.
 *
 * @module
 */
import { z } from "zod";
import {
  AgentsFile,
  BrokerFile,
  ExtensionsFile,
  LlmConfig,
  McpFile,
  OversightConfig,
  PLUGIN_FILES,
  PollersFile,
  TenantsFile,
  TranscriptsConfig,
  WebhookReceiver,
} from "../contract/mod.ts";
import {
  UNUSED_AGENT_KEYS,
  UNUSED_BINDING_KEYS,
  UNUSED_SUBSCRIBER_KEYS,
} from "../contract/config/agents.ts";
import { schemaVersion } from "../contract/config/block.ts";
import { UNUSED_BROKER_KEYS } from "../contract/config/broker.ts";
import { UNUSED_EXTENSIONS_KEYS } from "../contract/config/extensions.ts";
import { UNUSED_LLM_KEYS, UNUSED_PROVIDER_KEYS } from "../contract/config/llm.ts";
import { UNUSED_MCP_KEYS } from "../contract/config/mcp.ts";
import { UNUSED_POLLERS_KEYS } from "../contract/config/pollers.ts";
import { UNUSED_BUDGET_KEYS } from "../contract/config/tenants.ts";
import {
  UNUSED_EMAIL_KEYS,
  UNUSED_TELEGRAM_KEYS,
  UNUSED_WHATSAPP_KEYS,
} from "../contract/config/plugins.ts";
import { UNUSED_FTS_KEYS } from "../contract/config/transcripts.ts";

/** A path with `*` for any key or index. */
export type PathPattern = readonly string[];

/** One kind of config file. */
export interface FileKind<T = unknown> {
  /** Relative to the config directory. */
  readonly name: string;
  readonly schema: z.ZodType<T>;
  /** Values that are templates of ours; the environment is never put into them. */
  readonly templates: readonly PathPattern[];
  /** Keys that are read and change nothing, by the map they stand in. */
  readonly unused: readonly { readonly under: PathPattern; readonly keys: readonly string[] }[];
  /** Whether a key that is null counts as absent; otherwise the schema says so itself. */
  readonly dropNulls?: boolean;
}

function kind<T>(
  name: string,
  schema: z.ZodType<T>,
  more: Partial<Omit<FileKind<T>, "name" | "schema">> = {},
): FileKind<T> {
  return { name, schema, templates: [], unused: [], ...more };
}

const agent = ["agents", "*"];
const binding = [...agent, "inbound_bindings", "*"];
const subscriber = [...agent, "event_subscribers", "*"];

// The receiver's file has no room for a version of its own, so it is taken off before.
const WebhookFile = z.preprocess((value) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const { schema_version: version, ...rest } = value as Record<string, unknown>;
  return schemaVersion.schema_version.safeParse(version).success ? rest : value;
}, WebhookReceiver);

/** All files but `plugins/`. */
export const FILES = {
  agents: kind("agents.yaml", AgentsFile, {
    templates: [
      [...agent, "system_prompt"],
      [...binding, "system_prompt_extra"],
      [...subscriber, "inbound_template"],
      [...subscriber, "account_id"],
      [...subscriber, "session_key"],
    ],
    unused: [
      { under: agent, keys: UNUSED_AGENT_KEYS },
      { under: binding, keys: UNUSED_BINDING_KEYS },
      { under: subscriber, keys: UNUSED_SUBSCRIBER_KEYS },
    ],
  }),
  tenants: kind("tenants.yaml", TenantsFile, {
    unused: [{ under: ["tenants", "*", "budgets"], keys: UNUSED_BUDGET_KEYS }],
  }),
  webhooks: kind("webhook_receiver.yaml", WebhookFile, {
    templates: [["sources", "*", "publish_to"], ["sources", "*", "signature", "signed"]],
    dropNulls: true,
  }),
  extensions: kind("extensions.yaml", ExtensionsFile, {
    unused: [{ under: ["extensions"], keys: UNUSED_EXTENSIONS_KEYS }],
  }),
  llm: kind("llm.yaml", LlmConfig, {
    unused: [
      { under: [], keys: UNUSED_LLM_KEYS },
      { under: ["providers", "*"], keys: UNUSED_PROVIDER_KEYS },
      { under: ["tenants", "*", "providers", "*"], keys: UNUSED_PROVIDER_KEYS },
    ],
  }),
  mcp: kind("mcp.yaml", McpFile, {
    unused: [{ under: ["mcp"], keys: UNUSED_MCP_KEYS }],
  }),
  transcripts: kind("transcripts.yaml", TranscriptsConfig, {
    unused: [{ under: ["fts"], keys: UNUSED_FTS_KEYS }],
  }),
  oversight: kind("oversight.yaml", OversightConfig),
  broker: kind("broker.yaml", BrokerFile, {
    unused: [{ under: ["broker"], keys: UNUSED_BROKER_KEYS }],
  }),
  pollers: kind("pollers.yaml", PollersFile, {
    templates: [["pollers", "jobs", "*", "config", "user_prompt"]],
    unused: [{ under: ["pollers"], keys: UNUSED_POLLERS_KEYS }],
  }),
} as const;

/** Unused keys of a channel whose file has one line or a list of them. */
function lines(channel: string, keys: readonly string[]): FileKind["unused"] {
  return [{ under: [channel], keys }, { under: [channel, "*"], keys }];
}

/** The files of `plugins/`. */
export const PLUGINS = {
  webchat: kind("plugins/webchat.yaml", PLUGIN_FILES.webchat),
  telegram: kind("plugins/telegram.yaml", PLUGIN_FILES.telegram, {
    unused: lines("telegram", UNUSED_TELEGRAM_KEYS),
  }),
  whatsapp: kind("plugins/whatsapp.yaml", PLUGIN_FILES.whatsapp, {
    unused: lines("whatsapp", UNUSED_WHATSAPP_KEYS),
  }),
  email: kind("plugins/email.yaml", PLUGIN_FILES.email, {
    unused: [{ under: ["email"], keys: UNUSED_EMAIL_KEYS }],
  }),
  slack: kind("plugins/slack.yaml", PLUGIN_FILES.slack),
  generic: kind("plugins/generic.yaml", PLUGIN_FILES.generic, {
    templates: [["generic", "*", "webhook", "signature", "signed"]],
  }),
} as const;

/** Channels people can write on in this version; the files of the others are read and change nothing. */
export const BUILT_CHANNELS: readonly string[] = [
  "webchat",
  "telegram",
  "whatsapp",
  "slack",
  "email",
  "generic",
];

/** Files nexo knows and this version does not use. */
export const UNUSED_FILES: readonly string[] = [
  "mcp_server.yaml",
  "memory.yaml",
  "pairing.yaml",
  "runtime.yaml",
  "taskflow.yaml",
  "tool_policy.yaml",
  "plugins/browser.yaml",
  "plugins/discovery.yaml",
  "plugins/gmail-poller.yaml",
  "plugins/google-auth.yaml",
];

/** Whether `path` falls under `pattern`; both in full. */
export function pathMatches(pattern: PathPattern, path: readonly (string | number)[]): boolean {
  return pattern.length === path.length &&
    pattern.every((part, i) => part === "*" || part === String(path[i]));
}

/** Every path `pattern` stands for in `value`. */
export function* expandPattern(
  pattern: PathPattern,
  value: unknown,
  prefix: readonly (string | number)[] = [],
): Generator<readonly (string | number)[]> {
  const [part, ...rest] = pattern;
  if (part === undefined) {
    yield prefix;
    return;
  }
  if (typeof value !== "object" || value === null) return;
  const keys = part === "*" ? Object.keys(value) : Object.hasOwn(value, part) ? [part] : [];
  for (const key of keys) {
    const at = Array.isArray(value) ? Number(key) : key;
    yield* expandPattern(rest, (value as Record<string, unknown>)[key], [...prefix, at]);
  }
}

type JsonSchema = Record<string, unknown>;

/**
 * The JSON Schema of each file, by its name, for editors.
 *
 * Describes what may be written, so what has a default is optional, and may be empty.
 */
export function configJsonSchemas(): Record<string, JsonSchema> {
  const kinds: FileKind[] = [...Object.values(FILES), ...Object.values(PLUGINS)];
  return Object.fromEntries(
    kinds.map(({ name, schema }) => [name, {
      title: name,
      ...z.toJSONSchema(schema, { io: "input", override: allowNull }),
    }]),
  );
}

/** Lets what has a default be `null`, which is what YAML makes of `key:`. */
function allowNull({ jsonSchema }: { jsonSchema: JsonSchema }): void {
  if (!("default" in jsonSchema) || typeof jsonSchema["type"] !== "string") return;
  jsonSchema["type"] = [jsonSchema["type"], "null"];
}

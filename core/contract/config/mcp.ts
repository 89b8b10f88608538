/**
 * `mcp.yaml`: MCP servers whose tools agents may call.
 *
 * @module
 */
import { z } from "zod";
import { AccountId, AgentId } from "../ids.ts";
import { block, list, map, optional, schemaVersion, Text, unused, withDefault } from "./block.ts";
import { ProcessLimits } from "./extensions.ts";
import { DurationMs } from "./units.ts";

/** Keys that are read and change nothing. */
export const UNUSED_MCP_KEYS = [
  "connect_timeout",
  "default_reset_level",
  "idle_reap_interval",
  "reset_level_on_unset",
  "resource_cache",
  "resource_uri_allowlist",
  "session_ttl",
  "strict_root_paths",
  "watch",
] as const;

const LogLevel = z.enum([
  "debug",
  "info",
  "notice",
  "warning",
  "error",
  "critical",
  "alert",
  "emergency",
]);

/** What any server may say. */
const shared = {
  enabled: withDefault(z.boolean(), true),
  /** How much the server shall log, if it can be told. */
  log_level: optional(LogLevel),
  /** Whether calls carry `_meta`; absent: what `context.passthrough` says. */
  context_passthrough: optional(z.boolean()),
  /** How long a call may take; absent: `call_timeout`. */
  call_timeout: optional(DurationMs),
  /** The one tenant whose agents may call it; absent: all. */
  tenant_id: optional(AccountId),
  /** The agents that may call it; absent: all. */
  agents: optional(z.array(AgentId).min(1)),
};

const StdioServer = z.strictObject({
  transport: z.literal("stdio"),
  /** `./x` starts from `cwd`, a bare name is looked up on the `PATH`. */
  command: Text,
  args: list(z.string()),
  /** Beside the environment of core without its secrets. */
  env: map(z.string().min(1), z.string()),
  /** Relative to the config directory; absent: a directory of its own for its state. */
  cwd: optional(Text),
  /** How far to confine it. */
  sandbox: withDefault(z.enum(["none", "auto", "bwrap"]), "none"),
  /** Whether a sandbox leaves it the network. */
  network: withDefault(z.boolean(), false),
  /** More that it may read under a sandbox, absolute. */
  read_paths: list(Text.refine((path) => path.startsWith("/"), "must be absolute")),
  limits: ProcessLimits,
  ...shared,
});

const headerValue = z.string().regex(/^[\t\x20-\x7e]*$/, "must be printable ASCII");

const HttpServer = z.strictObject({
  transport: z.enum(["streamable_http", "sse", "auto"]),
  url: z.url({ protocol: /^https?$/, message: "must be an http or https address" }),
  headers: map(z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/), headerValue),
  ...shared,
});

/** `type` is accepted for `transport`; without either, what is there decides. */
function tagged(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const { type, ...server } = value as Record<string, unknown>;
  if (server["transport"] != null) return value;
  return { ...server, transport: type ?? ("url" in server ? "streamable_http" : "stdio") };
}

/** One server. */
export const McpServer = z.preprocess(
  tagged,
  z.discriminatedUnion("transport", [StdioServer, HttpServer]),
);
/** See {@linkcode McpServer}. */
export type McpServer = z.infer<typeof McpServer>;

const ServerName = z.string().regex(
  /^([a-z][a-z0-9_-]{0,63}\.)?[a-z][a-z0-9_-]{0,31}$/,
  "must be 1 to 32 of a-z, 0-9, _ and -, a letter first; or <microapp>.<name> for a microapp's own",
);

/** The block `mcp`. */
export const McpConfig = block({
  enabled: withDefault(z.boolean(), true),
  /** From the start of a server to the list of its tools. */
  initialize_timeout: withDefault(DurationMs, 10_000),
  call_timeout: withDefault(DurationMs, 30_000),
  /** Between closing a server's stdin, SIGTERM and SIGKILL. */
  shutdown_grace: withDefault(DurationMs, 3_000),
  context: block({
    /** Whether calls carry `_meta`: the agent, the tenant, the conversation. */
    passthrough: withDefault(z.boolean(), false),
  }),
  servers: map(ServerName, McpServer),
  ...unused(UNUSED_MCP_KEYS),
});
/** See {@linkcode McpConfig}. */
export type McpConfig = z.infer<typeof McpConfig>;

/** A whole `mcp.yaml`. */
export const McpFile = z.strictObject({ ...schemaVersion, mcp: McpConfig });
/** See {@linkcode McpFile}. */
export type McpFile = z.infer<typeof McpFile>;

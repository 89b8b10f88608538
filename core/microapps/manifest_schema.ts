/**
 * The members of `plugin.toml` and `nexo-plugin.toml`, wherever their versions put them.
 *
 * @module
 */
import { z } from "zod";
import { isObject } from "./json.ts";
import { McpServerToml } from "./mcp/declared.ts";

const names = z.array(z.string()).default([]);

/** Port, address and token of a microapp that serves HTTP. */
export const HttpServer = z.looseObject({
  port: z.int().min(1).max(65535),
  bind: z.string().default("127.0.0.1"),
  /** The variable that carries the bearer token. */
  token_env: z.string().min(1),
  health_path: z.string().startsWith("/").default("/healthz"),
  extra_env_passthrough: names,
});
/** See {@linkcode HttpServer}. */
export type HttpServer = z.infer<typeof HttpServer>;

/** The `capabilities` table. */
export const Capabilities = z.looseObject({
  tools: names,
  hooks: names,
  channels: names,
  providers: names,
  pollers: names,
  skills: names,
  /** Whether it keeps data of people and erases it when asked. */
  data_erasure: z.boolean().default(false),
  admin: z.looseObject({ required: names, optional: names }).prefault({}),
  http_server: HttpServer.optional(),
  broker: z.looseObject({ publish: names, subscribe: names }).prefault({}),
});
/** See {@linkcode Capabilities}. */
export type Capabilities = z.infer<typeof Capabilities>;

/** A description and schema for a tool whose microapp announces only its name. */
export const ToolOverlay = z.looseObject({
  description: z.string().optional(),
  input_schema: z.record(z.string(), z.unknown()).optional(),
});
/** See {@linkcode ToolOverlay}. */
export type ToolOverlay = z.infer<typeof ToolOverlay>;

/** How far the microapp wants to be confined, and what it needs all the same. */
const sandbox = z.looseObject({
  level: z.enum(["none", "auto", "bwrap"]).optional(),
  /** Whether it reaches other hosts; the port it serves is its own without this. */
  network: z.boolean().optional(),
});

/** A variable of the environment that the microapp reads to switch something dangerous on. */
const gate = z.looseObject({
  env_var: z.string().min(1),
  kind: z.enum(["Boolean", "CargoFeature", "Allowlist"]),
  risk: z.enum(["Low", "Medium", "High", "Critical"]),
  effect: z.string().default(""),
  hint: z.string().optional(),
});
/** See {@linkcode gate}. */
export type GateToml = z.infer<typeof gate>;

const gates = z.looseObject({ gate: z.array(gate).default([]) }).prefault({});

const transport = z.looseObject({
  kind: z.string().optional(),
  type: z.string().optional(),
  command: z.string().default(""),
  args: names,
  subject_prefix: z.string().default(""),
  url: z.string().default(""),
});

/** Tables that stand at the root in the first version and below `plugin` in the second. */
const sections = {
  capabilities: Capabilities.prefault({}),
  requires: z.looseObject({ bins: names, env: names }).prefault({}),
  context: z.looseObject({ passthrough: z.boolean().default(false) }).prefault({}),
  mcp_servers: z.record(z.string(), McpServerToml).default({}),
  outbound_bindings: z.record(z.string(), z.array(z.string().min(1))).default({}),
  sandbox: sandbox.prefault({}),
};

/** A `plugin.toml`. */
export const PluginToml = z.looseObject({
  plugin: z.looseObject({
    id: z.string().default(""),
    version: z.string().default(""),
    name: z.string().optional(),
    description: z.string().default(""),
    min_agent_version: z.string().optional(),
    min_nexo_version: z.string().optional(),
    priority: z.int().default(0),
    entrypoint: z.looseObject({
      command: z.string().default(""),
      args: names,
      env: z.record(z.string(), z.string()).default({}),
    }).optional(),
    extends: z.looseObject({ tools: names }).prefault({}),
    capability_gates: gates,
    ...sections,
  }),
  transport: transport.optional(),
  tools: z.record(z.string(), ToolOverlay).default({}),
  ...sections,
});
/** See {@linkcode PluginToml}. */
export type PluginToml = z.infer<typeof PluginToml>;

/** What is read of a `nexo-plugin.toml`. */
export const SidecarToml = z.looseObject({
  plugin: z.looseObject({
    id: z.string(),
    min_nexo_version: z.string().optional(),
    capabilities: sections.capabilities,
    requires: sections.requires,
    capability_gates: gates,
    entrypoint: PluginToml.shape.plugin.shape.entrypoint,
  }),
});
/** See {@linkcode SidecarToml}. */
export type SidecarToml = z.infer<typeof SidecarToml>;

/** Known members; `true` allows anything below. */
interface Known {
  readonly [name: string]: true | Known;
}
const all = (...members: readonly string[]): Known =>
  Object.fromEntries(members.map((member) => [member, true]));

const knownCapabilities: Known = {
  ...all("tools", "hooks", "channels", "providers", "pollers", "skills", "provides"),
  data_erasure: true,
  admin: all("required", "optional"),
  http_server: all("port", "bind", "token_env", "health_path", "extra_env_passthrough"),
  broker: all("publish", "subscribe"),
};
const knownSections: Known = {
  capabilities: knownCapabilities,
  requires: all("bins", "env", "features", "nexo_capabilities"),
  context: all("passthrough"),
  sandbox: all("level", "network"),
  ...all("mcp_servers", "outbound_bindings", "meta"),
};
const knownPlugin: Known = {
  ...knownSections,
  ...all(
    "id",
    "version",
    "name",
    "description",
    "min_agent_version",
    "min_nexo_version",
    "priority",
  ),
  ...all("enabled_by_default", "tools", "advisors", "agents", "skills", "config", "channels"),
  ...all("capability_gates", "ui", "contracts", "supervisor"),
  entrypoint: all("command", "args", "env"),
  extends: all("tools"),
};
const knownRoot: Known = {
  ...knownSections,
  manifest_version: true,
  plugin: knownPlugin,
  transport: all("kind", "type", "command", "args", "subject_prefix", "url"),
  tools: true,
};

/** Dotted names of the members that nobody reads. */
export function unknownMembers(value: unknown, known: Known = knownRoot, path = ""): string[] {
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const below = known[name];
    if (below === undefined) return [`${path}${name}`];
    return below === true ? [] : unknownMembers(member, below, `${path}${name}.`);
  });
}

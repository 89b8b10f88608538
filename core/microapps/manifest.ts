/**
 * A microapp's manifest: `plugin.toml`, and `nexo-plugin.toml` beside it.
 *
 * @module
 */
import { messageOf, type ToggleRisk } from "../contract/mod.ts";
import { checkIdentity } from "./manifest_identity.ts";
import {
  type Capabilities,
  type GateToml,
  type HttpServer,
  PluginToml,
  SidecarToml,
  type ToolOverlay,
  unknownMembers,
} from "./manifest_schema.ts";
import { parseToml, refuse } from "./manifest_toml.ts";
import { type DeclaredServer, readMcpJson, readServer } from "./mcp/declared.ts";
import type { SandboxWish } from "./sandbox/level.ts";

/** How a microapp is reached: only `stdio` is run, and `none` has nothing but MCP servers. */
export type Transport =
  | { readonly kind: "none" }
  | { readonly kind: "stdio"; readonly command: string; readonly args: readonly string[] }
  | { readonly kind: "nats"; readonly subjectPrefix: string }
  | { readonly kind: "http"; readonly url: string };

/** A variable of the environment that a microapp reads to switch something on. */
export interface Gate {
  readonly variable: string;
  readonly kind: "boolean" | "cargo_feature" | "allowlist";
  readonly risk: ToggleRisk;
  readonly effect: string;
  readonly hint: string | null;
}

/** A manifest in one form, whichever spelling its author chose. */
export interface Manifest {
  readonly id: string;
  readonly version: string;
  readonly name: string;
  readonly description: string;
  /** Hooks of lower priority are asked first. */
  readonly priority: number;
  readonly transport: Transport;
  /** Variables for the child, beside those every child gets. */
  readonly env: Readonly<Record<string, string>>;
  readonly capabilities: {
    readonly tools: readonly string[];
    readonly hooks: readonly string[];
    readonly channels: readonly string[];
    readonly providers: readonly string[];
    readonly pollers: readonly string[];
    readonly skills: readonly string[];
    /** Whether it keeps data of people and erases it when asked. */
    readonly dataErasure: boolean;
    readonly admin: { readonly required: readonly string[]; readonly optional: readonly string[] };
    readonly httpServer: HttpServer | null;
    /** Subjects it may publish to and wants to hear. */
    readonly broker: { readonly publish: readonly string[]; readonly subscribe: readonly string[] };
  };
  readonly gates: readonly Gate[];
  readonly requires: { readonly bins: readonly string[]; readonly env: readonly string[] };
  /** Whether tool arguments carry `_meta` though the child does not strip it by itself. */
  readonly contextPassthrough: boolean;
  /** Channel → accounts it may write to by itself. */
  readonly outboundBindings: Readonly<Record<string, readonly string[]>>;
  readonly tools: Readonly<Record<string, ToolOverlay>>;
  /** MCP servers whose tools it brings, by name. */
  readonly mcpServers: Readonly<Record<string, DeclaredServer>>;
  /** What it asks for; the operator has the last word. */
  readonly sandbox: { readonly level: SandboxWish | null; readonly network: boolean };
}

/** What {@linkcode parseManifest} reads. */
export interface ManifestSource {
  /** The text of `plugin.toml`. */
  readonly plugin: string;
  /** The text of `nexo-plugin.toml`, when there is one. */
  readonly sidecar?: string | undefined;
  /** The text of `.mcp.json`, when there is one. */
  readonly mcpJson?: string | undefined;
  /** The version that `min_agent_version` and `min_nexo_version` are held against. */
  readonly agentVersion: string;
}

const capabilityPattern = /^[a-z][a-z0-9_]*$/;
const urlPattern = /^https?:\/\/[^\s/:]+(:\d+)?(\/\S*)?$/;
const CAPABILITY_LISTS = ["tools", "hooks", "channels", "providers", "pollers"] as const;

/**
 * Reads a manifest. Members that nobody reads, and a sidecar that cannot be used, are warnings.
 *
 * @throws {CodedError} `manifest_invalid`; the message starts with a name such as `InvalidId`
 */
export function parseManifest(
  source: ManifestSource,
): { readonly manifest: Manifest; readonly warnings: readonly string[] } {
  const { raw, read: toml } = parseToml(source.plugin, PluginToml);
  const warnings = unknownMembers(raw).map((name) => `"${name}" is unknown and ignored`);
  const sidecar = readSidecar(source.sidecar, toml.plugin.id, warnings);
  const capabilities = mergeCapabilities([
    toml.capabilities,
    toml.plugin.capabilities,
    ...(sidecar === null ? [] : [sidecar.plugin.capabilities]),
  ]);
  const entrypoint = toml.plugin.entrypoint ?? sidecar?.plugin.entrypoint;
  const isSecondVersion = toml.transport === undefined && toml.plugin.entrypoint !== undefined;
  const servers = { ...toml.mcp_servers, ...toml.plugin.mcp_servers };
  const bringsServers = Object.keys(servers).length > 0 || source.mcpJson !== undefined;

  checkIdentity(toml, source.agentVersion);
  checkCapabilities(toml, capabilities, isSecondVersion || bringsServers);
  const transport: Transport =
    toml.transport === undefined && entrypoint === undefined && bringsServers
      ? { kind: "none" }
      : readTransport(toml, entrypoint);
  const mcpServers = readMcpServers(servers, source.mcpJson, warnings);

  const requires = [toml.requires, toml.plugin.requires, sidecar?.plugin.requires];
  return {
    warnings,
    manifest: {
      id: toml.plugin.id,
      version: toml.plugin.version,
      name: toml.plugin.name ?? toml.plugin.id,
      description: toml.plugin.description,
      priority: toml.plugin.priority,
      transport,
      env: entrypoint?.env ?? {},
      capabilities: {
        ...capabilities,
        tools: union([capabilities.tools, toml.plugin.extends.tools]),
      },
      gates: [toml.plugin.capability_gates, sidecar?.plugin.capability_gates]
        .flatMap((part) => part?.gate ?? []).map(gateOf),
      requires: {
        bins: union(requires.map((part) => part?.bins ?? [])),
        env: union(requires.map((part) => part?.env ?? [])),
      },
      contextPassthrough: toml.context.passthrough || toml.plugin.context.passthrough,
      outboundBindings: { ...toml.outbound_bindings, ...toml.plugin.outbound_bindings },
      tools: toml.tools,
      mcpServers,
      sandbox: {
        level: toml.sandbox.level ?? toml.plugin.sandbox.level ?? null,
        network: toml.sandbox.network ?? toml.plugin.sandbox.network ?? false,
      },
    },
  };
}

const GATE_KINDS = {
  Boolean: "boolean",
  CargoFeature: "cargo_feature",
  Allowlist: "allowlist",
} as const;

function gateOf({ env_var, kind, risk, effect, hint }: GateToml): Gate {
  return {
    variable: env_var,
    kind: GATE_KINDS[kind],
    risk: risk.toLowerCase() as ToggleRisk,
    effect,
    hint: hint ?? null,
  };
}

const union = (lists: readonly (readonly string[])[]): string[] => [...new Set(lists.flat())];

function readSidecar(
  text: string | undefined,
  id: string,
  warnings: string[],
): SidecarToml | null {
  if (text === undefined) return null;
  try {
    const { raw, read } = parseToml(text, SidecarToml);
    // Its ids know no hyphen, so "agent_creator" stands for "agent-creator".
    if (read.plugin.id !== id && read.plugin.id !== id.replaceAll("-", "_")) {
      warnings.push(`nexo-plugin.toml is ignored: its id "${read.plugin.id}" is not "${id}"`);
      return null;
    }
    for (const name of unknownMembers(raw)) {
      warnings.push(`"${name}" in nexo-plugin.toml is unknown and ignored`);
    }
    return read;
  } catch (error) {
    warnings.push(`nexo-plugin.toml is ignored: ${messageOf(error)}`);
    return null;
  }
}

function mergeCapabilities(parts: readonly Capabilities[]): Manifest["capabilities"] {
  const merge = (pick: (part: Capabilities) => readonly string[]): string[] =>
    union(parts.map(pick));
  return {
    tools: merge((part) => part.tools),
    hooks: merge((part) => part.hooks),
    channels: merge((part) => part.channels),
    providers: merge((part) => part.providers),
    pollers: merge((part) => part.pollers),
    skills: merge((part) => part.skills),
    dataErasure: parts.some((part) => part.data_erasure),
    admin: {
      required: merge((part) => part.admin.required),
      optional: merge((part) => part.admin.optional),
    },
    httpServer: parts.find((part) => part.http_server !== undefined)?.http_server ?? null,
    broker: {
      publish: merge((part) => part.broker.publish),
      subscribe: merge((part) => part.broker.subscribe),
    },
  };
}

function checkCapabilities(
  toml: PluginToml,
  capabilities: Manifest["capabilities"],
  mayBeEmpty: boolean,
): void {
  for (const part of [toml.capabilities, toml.plugin.capabilities]) {
    for (const list of CAPABILITY_LISTS) {
      const seen = new Set<string>();
      for (const name of part[list]) {
        if (!capabilityPattern.test(name) || name.length > 64) {
          refuse("InvalidCapabilityName", `capabilities.${list} holds "${name}"`);
        }
        if (seen.has(name)) {
          refuse("DuplicateCapabilityName", `capabilities.${list} holds "${name}" twice`);
        }
        seen.add(name);
      }
    }
  }
  const { admin, httpServer, broker, skills } = capabilities;
  const declares = CAPABILITY_LISTS.some((list) => capabilities[list].length > 0) ||
    skills.length + admin.required.length + admin.optional.length > 0 ||
    broker.publish.length + broker.subscribe.length > 0 || httpServer !== null;
  if (!declares && !mayBeEmpty) refuse("NoCapabilities", "capabilities lists nothing");
}

function readTransport(
  { transport }: PluginToml,
  entrypoint: PluginToml["plugin"]["entrypoint"],
): Transport {
  if (transport === undefined) {
    if (entrypoint === undefined) refuse("Parse", "transport is missing");
    if (entrypoint.command.trim() === "") {
      refuse("EmptyStdioCommand", "plugin.entrypoint.command is empty");
    }
    return { kind: "stdio", command: entrypoint.command, args: entrypoint.args };
  }
  const kind: string = transport.kind ?? transport.type ?? "";
  switch (kind) {
    case "stdio":
      if (transport.command.trim() === "") {
        refuse("EmptyStdioCommand", "transport.command is empty");
      }
      return { kind, command: transport.command, args: transport.args };
    case "nats":
      if (transport.subject_prefix.trim() === "") {
        refuse("EmptyNatsPrefix", "transport.subject_prefix is empty");
      }
      return { kind, subjectPrefix: transport.subject_prefix };
    case "http":
      if (!urlPattern.test(transport.url)) {
        refuse("InvalidHttpUrl", `transport.url "${transport.url}" is no http or https address`);
      }
      return { kind, url: transport.url };
    default:
      return refuse("Parse", `transport.kind "${kind}" is none of stdio, nats, http`);
  }
}

/** The servers of `plugin.toml`, else those of a `.mcp.json` beside it. */
function readMcpServers(
  servers: PluginToml["mcp_servers"],
  mcpJson: string | undefined,
  warnings: string[],
): Record<string, DeclaredServer> {
  const declared = Object.entries(servers);
  if (declared.length === 0 && mcpJson !== undefined) {
    return readMcpJson(mcpJson, (text) => void warnings.push(text));
  }
  return Object.fromEntries(
    declared.map(([name, server]) => [name, readServer(name, server, refuse)]),
  );
}

/**
 * An MCP server in one form, whoever declared it.
 *
 * @module
 */
import type { Candidate } from "../candidate.ts";
import type { DeclaredServer } from "./declared.ts";

/** A server that is started as a child. */
export interface StdioWire {
  readonly kind: "stdio";
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** As what it is confined, and where its state is kept. */
  readonly candidate: Candidate;
}

/** A server that is reached over HTTP; `auto` tries the streamable form first. */
export interface HttpWire {
  readonly kind: "streamable_http" | "sse" | "auto";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Limits of one server, in milliseconds. */
export interface McpTimeouts {
  /** From the start to the list of its tools. */
  readonly connectMs: number;
  readonly callMs: number;
  /** From its closed stdin to SIGTERM, and again to SIGKILL. */
  readonly graceMs: number;
}

/** The timeouts that apply unless the operator says otherwise. */
export const MCP_TIMEOUTS: McpTimeouts = { connectMs: 10_000, callMs: 30_000, graceMs: 3_000 };

/** One server to use. */
export interface McpServerSpec {
  /** `<name>` in `mcp.yaml`, `<microapp>.<name>` of a microapp. */
  readonly key: string;
  /** Whose tools these are: a microapp's, or `mcp:<key>`. */
  readonly owner: string;
  /** The one tenant whose agents may call it, or null for all. */
  readonly account: string | null;
  /** The agents that may call it, or null for all. */
  readonly agents: readonly string[] | null;
  /** Whether calls carry `_meta`: the agent, the tenant, the conversation. */
  readonly passesContext: boolean;
  /** How much it shall log; null leaves that to itself. */
  readonly logLevel: string | null;
  readonly timeouts: McpTimeouts;
  readonly wire: StdioWire | HttpWire;
}

/** What a server is called among microapps. */
export function serverId(key: string): string {
  return `mcp:${key}`;
}

/** The operator's word on MCP servers. */
export interface McpPlan {
  readonly enabled: boolean;
  readonly timeouts: McpTimeouts;
  /** Where a server says nothing. */
  readonly passesContext: boolean;
  /** From `mcp.yaml`; one named like a microapp's own stands in its place. */
  readonly servers: readonly McpServerSpec[];
}

/** The plan without an `mcp.yaml`. */
export const NO_MCP: McpPlan = {
  enabled: true,
  timeouts: MCP_TIMEOUTS,
  passesContext: false,
  servers: [],
};

/** Every server to run: the operator's, then those of microapps that may run. */
export function serversOf(plan: McpPlan, candidates: readonly Candidate[]): McpServerSpec[] {
  if (!plan.enabled) return [];
  const servers = new Map(plan.servers.map((server) => [server.key, server]));
  for (const candidate of candidates) {
    if (candidate.refusal !== null) continue;
    for (const [name, declared] of Object.entries(candidate.manifest.mcpServers)) {
      const key = `${candidate.id}.${name}`;
      if (!servers.has(key)) servers.set(key, specOf(key, declared, candidate, plan));
    }
  }
  return [...servers.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

function specOf(
  key: string,
  declared: DeclaredServer,
  candidate: Candidate,
  plan: McpPlan,
): McpServerSpec {
  const { entry, root, manifest } = candidate;
  const callMs = entry.timeout_secs === undefined
    ? plan.timeouts.callMs
    : entry.timeout_secs * 1000;
  const expand = (text: string): string => text.replaceAll("${EXTENSION_ROOT}", root);
  const expandAll = (texts: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, expand(text)]));
  const { transport } = declared;
  return {
    key,
    owner: candidate.id,
    account: entry.tenant_id ?? null,
    agents: null,
    passesContext: declared.passesContext ??
      (plan.passesContext || manifest.contextPassthrough),
    logLevel: declared.logLevel,
    timeouts: { ...plan.timeouts, callMs },
    wire: transport === "stdio"
      ? {
        kind: transport,
        command: expand(declared.command),
        args: declared.args.map(expand),
        env: expandAll(declared.env),
        cwd: declared.cwd === null ? root : expand(declared.cwd),
        candidate,
      }
      : { kind: transport, url: declared.url, headers: expandAll(declared.headers) },
  };
}

/**
 * The MCP servers of `mcp.yaml`, as the host of microapps runs them.
 *
 * @module
 */
import { resolve } from "node:path";
import type { McpServer } from "../contract/mod.ts";
import type { Candidate } from "../microapps/candidate.ts";
import { parseManifest } from "../microapps/manifest.ts";
import { type McpPlan, type McpServerSpec, serverId } from "../microapps/mcp/spec.ts";
import { stateDirOf } from "../microapps/sandbox/state_dir.ts";
import type { Settings } from "../settings/settings.ts";

/** What the operator's file says; `homeDir` is where servers keep their state. */
export function mcpPlanOf(
  { mcp, configDir }: Pick<Settings, "mcp" | "configDir">,
  homeDir: string,
): McpPlan {
  const timeouts = {
    connectMs: mcp.initialize_timeout,
    callMs: mcp.call_timeout,
    graceMs: mcp.shutdown_grace,
  };
  const passesContext = mcp.context.passthrough;
  return {
    enabled: mcp.enabled,
    timeouts,
    passesContext,
    servers: Object.entries(mcp.servers).flatMap(([key, server]): McpServerSpec[] =>
      !server.enabled ? [] : [{
        key,
        owner: serverId(key),
        account: server.tenant_id ?? null,
        agents: server.agents ?? null,
        passesContext: server.context_passthrough ?? passesContext,
        logLevel: server.log_level ?? null,
        timeouts: { ...timeouts, callMs: server.call_timeout ?? timeouts.callMs },
        wire: wireOf(key, server, { configDir, homeDir }),
      }]
    ),
  };
}

function wireOf(
  key: string,
  server: McpServer,
  { configDir, homeDir }: { configDir: string; homeDir: string },
): McpServerSpec["wire"] {
  if (server.transport !== "stdio") {
    const { transport, url, headers } = server;
    return { kind: transport, url, headers };
  }
  const { command, args, env, cwd } = server;
  const id = `mcp-${key.replace(".", "-")}`;
  const root = cwd === undefined ? stateDirOf(homeDir, id) : resolve(configDir, cwd);
  return {
    kind: "stdio",
    command,
    args,
    env,
    cwd: root,
    candidate: candidateOf(id, root, server),
  };
}

/** A server is confined like a microapp of its own. */
function candidateOf(
  id: string,
  root: string,
  { sandbox, network, read_paths, limits }: McpServer & { transport: "stdio" },
): Candidate {
  const plugin = `[plugin]\nid = "${id}"\nversion = "0.0.0"\n[plugin.entrypoint]\ncommand = "-"\n`;
  const { manifest } = parseManifest({ plugin, agentVersion: "0.0.0" });
  const entry = { sandbox, network, read_paths, limits };
  return { id, root, manifest, entry, refusal: null };
}

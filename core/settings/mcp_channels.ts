/**
 * Which MCP servers an agent hears people through.
 *
 * @module
 */
import type { AgentConfig, ApprovedChannel } from "../contract/mod.ts";

/** The channel whose instances are MCP servers. */
export const MCP_CHANNEL = "mcp";

/**
 * The approval of a server, or undefined when the agent does not hear it: switched off, never approved,
 * or approved from another microapp than the one the server belongs to.
 */
export function approvalOf(
  { channels }: Pick<AgentConfig, "channels">,
  server: string,
): ApprovedChannel | undefined {
  if (!channels.enabled) return undefined;
  return channels.approved.find((approved) =>
    approved.server === server && comesFrom(approved, server)
  );
}

/** The servers an agent hears, each once. */
export function serversHeardBy(agent: Pick<AgentConfig, "channels">): string[] {
  const servers = agent.channels.approved.map(({ server }) => server);
  return [...new Set(servers)].filter((server) => approvalOf(agent, server) !== undefined);
}

/** Whether a server is of the microapp its approval names. */
export function comesFrom({ plugin_source: source }: ApprovedChannel, server: string): boolean {
  return source === undefined || server.startsWith(`${source.split("@")[0] ?? ""}.`);
}

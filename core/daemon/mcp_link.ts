/**
 * The MCP servers of the host as the channel `mcp` uses them.
 *
 * @module
 */
import type { McpLink } from "../channels/kind.ts";
import { bindingId, CodedError, RPC_CODES } from "../contract/mod.ts";
import type { Host } from "../microapps/host.ts";
import { MCP_CHANNEL } from "../settings/mcp_channels.ts";

/** Returns the link. */
export function createMcpLink(host: () => Host): McpLink {
  const toolsOf = (server: string) => host().tools().filter((tool) => tool.server === server);
  return {
    server(name) {
      const found = host().channelServer(name);
      return found && {
        ...found,
        tools: new Map(
          toolsOf(name).map(({ ownName, inputSchema }) => [
            ownName,
            new Set(Object.keys(inputSchema["properties"] ?? {})),
          ]),
        ),
      };
    },
    async call({ server, tool: name, arguments: args, account, agentId, callId, signal }) {
      const tool = toolsOf(server).find(({ ownName, agents }) =>
        ownName === name && (agents === null || agents.includes(agentId))
      );
      if (tool === undefined) {
        const place = `tool "${name}" of MCP server "${server}"`;
        throw new CodedError("not_found", `Cannot call ${place} for agent "${agentId}"`);
      }
      const binding = {
        agent_id: agentId,
        account_id: account,
        tenant_id: account,
        channel: MCP_CHANNEL,
        instance: server,
        binding_id: bindingId(MCP_CHANNEL, server),
        mcp_channel_source: server,
      };
      const result = await host().callTool({
        tool,
        arguments: args,
        account,
        meta: { agent_id: agentId, session_id: null, nexo: { binding, call_id: callId } },
        signal,
      });
      if (result.ok) return undefined;
      return { reason: result.message, passes: result.rpcCode === RPC_CODES.internal };
    },
  };
}

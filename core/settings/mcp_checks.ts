/**
 * What `mcp.yaml` names: tenants and agents.
 *
 * @module
 */
import { type Checked, type Report, reportTenant } from "./checks.ts";
import { comesFrom, MCP_CHANNEL } from "./mcp_channels.ts";
import { closest } from "./problems.ts";
import { tenantOf } from "./tenant.ts";

const FILE = "mcp.yaml";

/** Everything wrong with who may call the servers of `mcp.yaml`, and who hears them. */
export function checkMcp(checked: Checked, report: Report): void {
  checkCallers(checked, report);
  checkHearers(checked, report);
}

function checkCallers({ settings, origins }: Checked, report: Report): void {
  const agents = origins.map(({ agent }) => agent.id);
  for (const [name, server] of Object.entries(settings.mcp.servers)) {
    const at = ["mcp", "servers", name];
    reportTenant(settings, server.tenant_id, FILE, [...at, "tenant_id"], report);
    server.agents?.forEach((id, i) => {
      if (agents.includes(id)) return;
      const meant = closest(id, agents);
      report(
        "warning",
        FILE,
        [...at, "agents", i],
        `there is no agent "${id}"`,
        meant === undefined ? "Remove it, or add the agent" : `Did you mean "${meant}"?`,
      );
    });
  }
}

/** A server speaks for one tenant: what one of its people says must not reach another's agent. */
function checkHearers({ settings, origins }: Checked, report: Report): void {
  const heardBy = new Map<string, { account: string | undefined; agentId: string }>();
  for (const { file, index, agent } of origins) {
    agent.channels.approved.forEach((approved, i) => {
      const { server } = approved;
      const path = ["agents", index, "channels", "approved", i, "server"];
      const isKnown = server.includes(".") || Object.hasOwn(settings.mcp.servers, server);
      if (!isKnown) {
        const meant = closest(server, Object.keys(settings.mcp.servers));
        const fix = meant === undefined ? "Declare it in mcp.yaml" : `Did you mean "${meant}"?`;
        report("warning", file, path, `there is no MCP server "${server}"`, fix);
      }
      if (!comesFrom(approved, server)) {
        const message = `server "${server}" is not of "${approved.plugin_source}"`;
        report("error", file, path, message, "Name it <microapp>.<server>, or take the source out");
      }
      if (!agent.channels.enabled) return;
      const account = tenantOf(settings, agent, MCP_CHANNEL, server);
      const other = heardBy.get(server);
      heardBy.set(server, other ?? { account, agentId: agent.id });
      if (other === undefined || other.account === account) return;
      const message = `server "${server}" is heard by agent "${other.agentId}" of another tenant`;
      report("error", file, path, message, "Give each tenant a server of its own in mcp.yaml");
    });
  }
}

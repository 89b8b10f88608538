/**
 * What `mcp.yaml` names: tenants and agents.
 *
 * @module
 */
import { type Checked, type Report, reportTenant } from "./checks.ts";
import { closest } from "./problems.ts";

const FILE = "mcp.yaml";

/** Everything wrong with who may call the servers of `mcp.yaml`. */
export function checkMcp({ settings, origins }: Checked, report: Report): void {
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

/**
 * What `oversight.yaml` names: operators, agents, tenants.
 *
 * @module
 */
import { type Checked, type Report, reportTenant } from "./checks.ts";
import { closest } from "./problems.ts";
import type { Path } from "./yaml_file.ts";

const FILE = "oversight.yaml";

/** Everything that does not fit in `oversight.yaml`. */
export function checkOversight({ settings, origins }: Checked, report: Report): void {
  const { operators, takeover, escalations } = settings.oversight;
  const agents = new Set(origins.map(({ agent }) => agent.id));

  const checkTenants = (tenants: readonly string[] | undefined, path: Path): void =>
    tenants?.forEach((account, i) =>
      reportTenant(settings, account, FILE, [...path, "tenants", i], report)
    );
  const checkAgent = (id: string, path: Path): void => {
    if (agents.has(id)) return;
    const meant = closest(id, agents);
    const fix = meant === undefined ? "Remove it, or add the agent" : `Did you mean "${meant}"?`;
    report("warning", FILE, path, `there is no agent "${id}"`, fix);
  };

  const names = new Map<string, string>();
  operators.forEach(({ name, token_hash: hash, tenants }, i) => {
    const other = names.get(hash);
    if (other !== undefined) {
      const message = `"${name}" has the token of "${other}": nobody could tell who acts`;
      const fix = "Give each operator a token of their own";
      report("error", FILE, ["operators", i, "token_hash"], message, fix);
    }
    names.set(hash, name);
    checkTenants(tenants, ["operators", i]);
  });
  for (const id of Object.keys(takeover.agents)) checkAgent(id, ["takeover", "agents", id]);
  escalations.notify.forEach(({ tenants, agents: named }, i) => {
    const path = ["escalations", "notify", i];
    checkTenants(tenants, path);
    named?.forEach((id, j) => checkAgent(id, [...path, "agents", j]));
  });
}

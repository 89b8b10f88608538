/**
 * What `nexo doctor` says of skills: found for every tenant that needs them, and usable here.
 *
 * @module
 */
import type { Finding } from "../contract/views/health.ts";
import { tenantsOf } from "../admin/agents.ts";
import { createSkillGates } from "../agents/skill_gates.ts";
import { findSkill } from "../agents/skills.ts";
import { type AgentConfig, messageOf } from "../contract/mod.ts";
import type { Settings } from "../settings/settings.ts";

/** Looks for each skill as a turn would: in the place of its tenant, then in the one for all. */
export async function skillFindings(
  settings: Settings,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Finding[]> {
  const gates = createSkillGates({ env });

  async function look(agent: AgentConfig, account: string, name: string): Promise<Finding[]> {
    const warn = (message: string, fix: string): Finding[] => [
      { level: "warning", subject: `${agent.id}/${name}`, message, fix },
    ];
    try {
      const found = await findSkill(agent.skills_dir, account, name);
      if (found === undefined) {
        const fix = `Write ${agent.skills_dir}/${account}/${name}/SKILL.md, or below __global__`;
        return warn(`tenant "${account}" has no such skill`, fix);
      }
      const missing = await gates(found.skill);
      if (missing.length === 0) return [];
      return warn(`needs what is not here: ${missing.join(", ")}`, "Install it, or set it");
    } catch (error) {
      return warn(`cannot be read: ${messageOf(error)}`, "Let this user read the file");
    }
  }

  const wanted = [...settings.agents.values()].flatMap((agent) => {
    const names = new Set([
      ...agent.skills,
      ...agent.inbound_bindings.flatMap(({ skills }) => skills ?? []),
    ]);
    const accounts = tenantsOf(agent, settings);
    return [...accounts].flatMap((account) => [...names].map((name) => ({ agent, account, name })));
  });
  const findings = await Promise.all(
    wanted.map(({ agent, account, name }) => look(agent, account, name)),
  );
  return findings.flat();
}

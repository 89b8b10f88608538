/**
 * What an agent's skills add to its prompt, for the tenant of the conversation.
 *
 * @module
 */
import { join } from "node:path";
import { type AgentConfig, messageOf } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import type { Soon } from "../flow/soon.ts";
import { GLOBAL_SCOPE, readSkill, type Skill, skillPath } from "./skill_files.ts";
import { createSkillGates } from "./skill_gates.ts";

/** What finding skills needs. */
export interface SkillDeps {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}

/** Reads skills for a turn: `# SKILLS` and one section each, or the empty text. */
export type ReadSkills = (request: {
  readonly account: string;
  readonly agent: Pick<AgentConfig, "id" | "skills_dir" | "skill_overrides">;
  /** Their names, in the order of the prompt. */
  readonly names: readonly string[];
}) => Soon<string>;

/**
 * Returns the reader. Each skill is looked for in the tenant's directory, then in the one for all,
 * then, as nexo once kept them, beside those; never in another tenant's.
 */
export function createSkillReader({ env, log }: SkillDeps): ReadSkills {
  const gates = createSkillGates({ env });

  async function readAll({ account, agent, names }: Parameters<ReadSkills>[0]): Promise<string> {
    const sections = await Promise.all(names.map(async (name) => {
      const about = { agent: agent.id, account, skill: name };
      const found = await findSkill(agent.skills_dir, account, name).catch((error: unknown) => {
        log.warn("skill.unreadable", { ...about, error: messageOf(error) });
      });
      if (found === undefined) {
        log.warn("skill.missing", about);
        return "";
      }
      const { skill, isLegacy } = found;
      if (isLegacy) log.warn("skill.legacy_place", about);
      const mode = agent.skill_overrides[name] ?? skill.requires.mode;
      const missing = await gates(skill);
      if (mode === "disable" || (mode === "strict" && missing.length > 0)) {
        log.info("skill.skipped", { ...about, missing });
        return "";
      }
      return sectionOf(name, skill, missing);
    }));
    const present = sections.filter((section) => section !== "");
    return present.length === 0 ? "" : ["# SKILLS", ...present].join("\n\n");
  }

  return (request) => request.names.length === 0 ? "" : readAll(request);
}

/** A skill and whether it lies where nexo once kept them. */
export interface FoundSkill {
  readonly skill: Skill;
  readonly isLegacy: boolean;
}

/** The skill a tenant's agent gets under a name; undefined when there is none. */
export async function findSkill(
  root: string,
  account: string,
  name: string,
): Promise<FoundSkill | undefined> {
  for (const scope of [account, GLOBAL_SCOPE]) {
    const path = skillPath(root, scope, name);
    const skill = path === undefined ? undefined : await readSkill(path);
    if (skill !== undefined) return { skill, isLegacy: false };
  }
  // The name is a slug, so this cannot reach into a tenant's directory.
  if (skillPath(root, GLOBAL_SCOPE, name) === undefined) return undefined;
  const legacy = await readSkill(join(root, name, "SKILL.md"));
  return legacy && { skill: legacy, isLegacy: true };
}

function sectionOf(name: string, skill: Skill, missing: readonly string[]): string {
  const body = skill.maxChars === undefined ? skill.body : skill.body.slice(0, skill.maxChars);
  return [
    `## ${skill.displayName ?? name}`,
    ...(missing.length === 0 ? [] : [`> Not available here: ${missing.join(", ")}`]),
    body.trim(),
  ].join("\n\n");
}

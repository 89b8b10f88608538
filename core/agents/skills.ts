/**
 * What an agent's skills add to its prompt, for the tenant of the conversation.
 *
 * @module
 */
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { AgentConfig } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import { GLOBAL_SCOPE, readSkill, type Skill, skillPath } from "./skill_files.ts";

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
}) => Promise<string>;

/**
 * Returns the reader. Each skill is looked for in the tenant's directory, then in the one for all,
 * then, as nexo once kept them, beside those; never in another tenant's.
 */
export function createSkillReader({ env, log }: SkillDeps): ReadSkills {
  return async function readSkills({ account, agent, names }) {
    const sections = await Promise.all(names.map(async (name) => {
      const skill = await findSkill(agent.skills_dir, account, name, log);
      if (skill === undefined) {
        log.warn("skill.missing", { agent: agent.id, account, skill: name });
        return "";
      }
      const mode = agent.skill_overrides[name] ?? skill.requires.mode;
      const missing = await missingFor(skill, env);
      if (mode === "disable" || (mode === "strict" && missing.length > 0)) {
        log.info("skill.skipped", { agent: agent.id, account, skill: name, missing });
        return "";
      }
      return sectionOf(name, skill, missing);
    }));
    const present = sections.filter((section) => section !== "");
    return present.length === 0 ? "" : ["# SKILLS", ...present].join("\n\n");
  };
}

async function findSkill(
  root: string,
  account: string,
  name: string,
  log: Log,
): Promise<Skill | undefined> {
  for (const scope of [account, GLOBAL_SCOPE]) {
    const path = skillPath(root, scope, name);
    const skill = path === undefined ? undefined : await readSkill(path);
    if (skill !== undefined) return skill;
  }
  // The name is a slug, so this cannot reach into a tenant's directory.
  if (skillPath(root, GLOBAL_SCOPE, name) === undefined) return undefined;
  const legacy = await readSkill(join(root, name, "SKILL.md"));
  if (legacy !== undefined) log.warn("skill.legacy_place", { skill: name, root });
  return legacy;
}

async function missingFor(
  { requires }: Skill,
  env: SkillDeps["env"],
): Promise<string[]> {
  const dirs = (env["PATH"] ?? "").split(delimiter).filter((dir) => dir !== "");
  const bins = await Promise.all(requires.bins.map(async (bin) => {
    const found = await Promise.all(dirs.map((dir) => isExecutable(join(dir, bin))));
    return found.includes(true) ? [] : [bin];
  }));
  return [...bins.flat(), ...requires.env.filter((name) => (env[name] ?? "") === "")];
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(() => true, () => false);
}

function sectionOf(name: string, skill: Skill, missing: readonly string[]): string {
  const body = skill.maxChars === undefined ? skill.body : skill.body.slice(0, skill.maxChars);
  return [
    `## ${skill.displayName ?? name}`,
    ...(missing.length === 0 ? [] : [`> Not available here: ${missing.join(", ")}`]),
    body.trim(),
  ].join("\n\n");
}

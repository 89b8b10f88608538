/**
 * `nexo/admin/skills/*`.
 *
 * @module
 */
import { mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CodedError, SkillRequires } from "../contract/mod.ts";
import { SKILL_METHODS, type SkillRecord } from "../contract/admin/skills.ts";
import {
  formatSkill,
  GLOBAL_SCOPE,
  readSkill,
  type Skill,
  skillPath,
} from "../agents/skill_files.ts";
import { replaceFile } from "../settings/replace_file.ts";
import { type AdminMethod, type Call, methodsOf, sees, tenantForWriting } from "./method.ts";

/** What the skill methods need. */
export interface SkillMethodDeps {
  /** The directory of all skills. */
  readonly root: string;
  readonly uuid: () => string;
}

/** Returns the methods on skills. */
export function skillMethods({ root, uuid }: SkillMethodDeps): AdminMethod[] {
  /** The one scope a call reads; undefined when it is not for it to see. */
  function scopeOf(tenantId: string | undefined, call: Call): string | undefined {
    if (call.tenants === "all") return tenantId ?? GLOBAL_SCOPE;
    const account = tenantId ?? (call.tenants.length === 1 ? call.tenants[0] : undefined);
    return account !== undefined && sees(call, account) ? account : undefined;
  }
  const pathOf = (scope: string, name: string): string => {
    const path = skillPath(root, scope, name);
    if (path === undefined) throw new CodedError("invalid_params", "name must match [a-z0-9-]");
    return path;
  };

  return methodsOf(SKILL_METHODS, {
    async "nexo/admin/skills/list"({ prefix, tenant_id }, call) {
      const scope = scopeOf(tenant_id, call);
      const names = scope === undefined ? [] : await namesIn(join(root, scope));
      const skills = await Promise.all(names.map(async (name) => {
        const path = skillPath(root, scope ?? GLOBAL_SCOPE, name);
        const skill = path === undefined || !name.startsWith(prefix ?? "")
          ? undefined
          : await readSkill(path);
        return skill === undefined ? [] : [summaryOf(name, skill)];
      }));
      return { skills: skills.flat() };
    },

    async "nexo/admin/skills/get"({ name, tenant_id }, call) {
      const scope = scopeOf(tenant_id, call);
      const skill = scope === undefined ? undefined : await readSkill(pathOf(scope, name));
      return { skill: skill === undefined ? null : recordOf(name, skill) };
    },

    async "nexo/admin/skills/upsert"(params, call) {
      const scope = tenantForWriting(params.tenant_id, call) ?? GLOBAL_SCOPE;
      const path = pathOf(scope, params.name);
      const created = await readSkill(path) === undefined;
      await replace(
        path,
        formatSkill({
          displayName: params.display_name || undefined,
          description: params.description || undefined,
          body: params.body,
          maxChars: params.max_chars ?? undefined,
          requires: params.requires ?? SkillRequires.parse({}),
        }),
        uuid(),
      );
      const written = await readSkill(path);
      if (written === undefined) {
        throw new CodedError("conflict", `skill \`${params.name}\` was deleted at the same moment`);
      }
      return { skill: recordOf(params.name, written), created };
    },

    async "nexo/admin/skills/delete"({ name, tenant_id }, call) {
      const scope = scopeOf(tenant_id, call);
      if (scope === undefined) return { deleted: false };
      const path = pathOf(scope, name);
      if (await readSkill(path) === undefined) return { deleted: false };
      await rm(dirname(path), { recursive: true, force: true });
      return { deleted: true };
    },
  });
}

async function namesIn(dir: string): Promise<string[]> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names.toSorted((a, b) => a < b ? -1 : 1);
}

async function replace(path: string, text: string, nonce: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(path, text, { mode: 0o666, nonce });
}

function summaryOf(name: string, { displayName, description, updatedAtMs }: Skill) {
  return {
    name,
    ...(displayName === undefined ? {} : { display_name: displayName }),
    ...(description === undefined ? {} : { description }),
    updated_at: new Date(updatedAtMs).toISOString(),
  };
}

function recordOf(name: string, skill: Skill): SkillRecord {
  return {
    ...summaryOf(name, skill),
    body: skill.body,
    ...(skill.maxChars === undefined ? {} : { max_chars: skill.maxChars }),
    requires: skill.requires,
  };
}

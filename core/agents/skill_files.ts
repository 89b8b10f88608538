/**
 * Skills as files: `<root>/{<tenant>|__global__}/<name>/SKILL.md`, with front matter.
 *
 * @module
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { SkillRequires } from "../contract/mod.ts";

/** The directory of skills that are for every tenant. */
export const GLOBAL_SCOPE = "__global__";

const SLUG = /^[a-z0-9][a-z0-9-]{0,63}$/;
const MAX_FILE_BYTES = 256 * 1024;

/** What a file may ask for beside what the admin methods write: versions, such as `{git: ">=2.30"}`. */
const FileRequires = SkillRequires.extend({
  bin_versions: z.record(z.string().regex(/^[A-Za-z0-9._+-]+$/), z.string().min(1)).optional(),
});

const FrontMatter = z.object({
  name: z.string().optional(),
  description: z.string().optional(),
  max_chars: z.int().positive().optional(),
  requires: FileRequires.optional(),
});

/** A skill without its name, which is its directory's. */
export interface Skill {
  readonly displayName: string | undefined;
  readonly description: string | undefined;
  readonly body: string;
  readonly maxChars: number | undefined;
  readonly requires: z.infer<typeof FileRequires>;
  readonly updatedAtMs: number;
}

/** The file of a skill; undefined for a name or scope that could lead elsewhere. */
export function skillPath(root: string, scope: string, name: string): string | undefined {
  if (!SLUG.test(name) || (scope !== GLOBAL_SCOPE && !SLUG.test(scope))) return undefined;
  return join(root, scope, name, "SKILL.md");
}

/** Reads a skill; undefined when there is none, or none that can be read. */
export async function readSkill(path: string): Promise<Skill | undefined> {
  try {
    const { size, mtimeMs } = await stat(path);
    if (size > MAX_FILE_BYTES) return undefined;
    return parseSkill(await readFile(path, "utf8"), Math.floor(mtimeMs));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Reads the text of a skill; front matter that is none counts as body. */
export function parseSkill(text: string, updatedAtMs: number): Skill {
  const found = /^---\r?\n([^]*?)\r?\n---\r?\n?/.exec(text);
  const meta = found === null ? undefined : readFrontMatter(found[1] ?? "");
  return {
    displayName: meta?.name,
    description: meta?.description,
    body: meta === undefined ? text : text.slice(found?.[0].length ?? 0),
    maxChars: meta?.max_chars,
    requires: meta?.requires ?? SkillRequires.parse({}),
    updatedAtMs,
  };
}

function readFrontMatter(text: string): z.infer<typeof FrontMatter> | undefined {
  try {
    const read = FrontMatter.safeParse(parse(text));
    return read.success ? read.data : undefined;
  } catch {
    return undefined; // a body may begin with a rule of its own
  }
}

/** The text of a skill; without anything to say in it there is no front matter. */
export function formatSkill(skill: Omit<Skill, "updatedAtMs">): string {
  const { bins, bin_versions, env, mode } = skill.requires;
  const plain = bins.length === 0 && bin_versions === undefined && env.length === 0 &&
    mode === "strict";
  const meta = JSON.parse(JSON.stringify({
    name: skill.displayName,
    description: skill.description,
    max_chars: skill.maxChars,
    requires: plain ? undefined : skill.requires,
  })) as Record<string, unknown>;
  // A body that begins like front matter needs some before it, to be read as it is.
  const needed = Object.keys(meta).length > 0 || skill.body.startsWith("---");
  return needed ? `---\n${stringify(meta, { lineWidth: 0 })}---\n${skill.body}` : skill.body;
}

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { formatSkill, parseSkill } from "../../../../core/agents/skill_files.ts";
import { createSkillReader } from "../../../../core/agents/skills.ts";
import { silentLog } from "../../../support/store.ts";

let root: string;
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), "skills-"))));
afterEach(() => rm(root, { recursive: true }));

async function put(path: string, text: string): Promise<void> {
  await mkdir(join(root, dirname(path)), { recursive: true });
  await writeFile(join(root, path), text);
}

const read = (names: string[], overrides = {}) =>
  createSkillReader({ env: { PATH: "/nowhere" }, log: silentLog })({
    account: "acme",
    agent: { id: "ana", skills_dir: root, skill_overrides: overrides },
    names,
  });

describe("createSkillReader()", () => {
  it("prefers the tenant's own skill to the one for all to the old place", async () => {
    await put("greet/SKILL.md", "old");
    expect(await read(["greet"])).toBe("# SKILLS\n\n## greet\n\nold");
    await put("__global__/greet/SKILL.md", "for all");
    expect(await read(["greet"])).toContain("for all");
    await put("acme/greet/SKILL.md", "---\nname: Greeting\nmax_chars: 5\n---\nacme's own");
    expect(await read(["greet"])).toBe("# SKILLS\n\n## Greeting\n\nacme'");
  });

  it("never reads another tenant's skill or leaves its directory, whatever the name", async () => {
    await put("globex/secret/SKILL.md", "theirs");
    for (const name of ["globex/secret", "../globex/secret", "secret", "..", "globex/../x"]) {
      expect(await read([name])).toBe("");
    }
  });

  it("leaves out what cannot work, or says so, as the skill or the operator wants", async () => {
    await put("acme/tool/SKILL.md", "---\nrequires: { bins: [no-such-bin] }\n---\nUse it.");
    expect(await read(["tool"])).toBe("");
    expect(await read(["tool"], { tool: "warn" })).toContain("> Not available here: no-such-bin");
    expect(await read(["tool"], { tool: "disable" })).toBe("");
  });
});

describe("formatSkill()", () => {
  it("is read back as it was", () => {
    const line = fc.option(fc.string({ minLength: 1 }), { nil: undefined });
    fc.assert(fc.property(line, line, fc.string(), (displayName, description, body) => {
      const skill = {
        displayName,
        description,
        body,
        maxChars: undefined,
        requires: { bins: ["git"], env: [], mode: "warn" as const },
      };
      expect(parseSkill(formatSkill(skill), 1)).toEqual({ ...skill, updatedAtMs: 1 });
    }));
  });
});

import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { formatSkill, parseSkill } from "../../../../core/agents/skill_files.ts";
import { createSkillReader } from "../../../../core/agents/skills.ts";
import { skillFindings } from "../../../../core/daemon/skill_findings.ts";
import { settingsOf } from "../../../support/settings.ts";
import { silentLog } from "../../../support/store.ts";

let root: string;
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), "skills-"))));
afterEach(() => rm(root, { recursive: true }));

async function put(path: string, text: string): Promise<void> {
  await mkdir(join(root, dirname(path)), { recursive: true });
  await writeFile(join(root, path), text);
}

const read = (names: string[], overrides = {}, { account = "acme", path = "/nowhere" } = {}) =>
  createSkillReader({ env: { PATH: path, SET: "1" }, log: silentLog })({
    account,
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

  it("S1: never reads another tenant's skill or leaves its directory, whatever the name", async () => {
    await put("globex/secret/SKILL.md", "theirs");
    await put("acme/ours/SKILL.md", "ours");
    for (const name of ["globex/secret", "../globex/secret", "secret", "..", "globex/../x"]) {
      expect(await read([name])).toBe("");
    }
    const part = fc.constantFrom(
      "globex",
      "secret",
      "acme",
      "ours",
      "..",
      ".",
      "/",
      "\\",
      "%2f",
      "\0",
    );
    await fc.assert(fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => {
      expect(await read([parts.join("/")])).not.toContain("theirs");
      expect(await read([parts.join("")])).not.toContain("theirs");
    }));
  });

  it("S2: finds a skill that one tenant alone has, for it and for no other", async () => {
    await put("acme/only/SKILL.md", "acme's own");
    expect(await read(["only"])).toContain("acme's own");
    expect(await read(["only"], {}, { account: "globex" })).toBe("");
    const settings = await settingsOf({
      "agents.yaml": `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    skills: [only]
    skills_dir: ${root}
    inbound_bindings: [{ plugin: webchat, instance: acme }, { plugin: webchat, instance: globex }]
`,
    });
    expect(await skillFindings(settings, {})).toMatchObject([
      { level: "warning", subject: "ana/only", message: 'tenant "globex" has no such skill' },
    ]);
  });

  it("reads what the files say at each turn", async () => {
    const readAgain = createSkillReader({ env: {}, log: silentLog });
    const agent = { id: "ana", skills_dir: root, skill_overrides: {} };
    const now = () => readAgain({ account: "acme", agent, names: ["greet"] });
    await put("acme/greet/SKILL.md", "one");
    expect(await now()).toContain("one");
    await put("acme/greet/SKILL.md", "two");
    expect(await now()).toContain("two");
    await rm(join(root, "acme"), { recursive: true });
    expect(await now()).toBe("");
  });

  it("does without a skill that cannot be read", async () => {
    await mkdir(join(root, "acme/broken/SKILL.md"), { recursive: true });
    await put("acme/fine/SKILL.md", "fine");
    expect(await read(["broken", "fine"])).toBe("# SKILLS\n\n## fine\n\nfine");
  });

  it("leaves out what cannot work, or says so, as the skill or the operator wants", async () => {
    await put("acme/tool/SKILL.md", "---\nrequires: { bins: [no-such-bin] }\n---\nUse it.");
    expect(await read(["tool"])).toBe("");
    expect(await read(["tool"], { tool: "warn" })).toContain("> Not available here: no-such-bin");
    expect(await read(["tool"], { tool: "disable" })).toBe("");
    await put("acme/vars/SKILL.md", "---\nrequires: { env: [SET, UNSET], mode: warn }\n---\nUse.");
    expect(await read(["vars"])).toContain("> Not available here: UNSET");
  });

  it("asks programs for their versions", async () => {
    await put("bin/old", "#!/bin/sh\necho old version 1.4\n");
    await put("bin/mute", "#!/bin/sh\nexit 3\n");
    for (const bin of ["old", "mute"]) await chmod(join(root, "bin", bin), 0o755);
    const needs = async (versions: string) => {
      await put("acme/tool/SKILL.md", `---\nrequires: { bin_versions: ${versions} }\n---\nUse it.`);
      return read(["tool"], { tool: "warn" }, { path: join(root, "bin") });
    };
    expect(await needs('{ old: ">=1.2" }')).not.toContain("Not available");
    expect(await needs('{ old: ">=2" }')).toContain("> Not available here: old >=2");
    expect(await needs('{ mute: ">=0" }')).toContain("mute >=0");
    expect(await needs('{ absent: ">=0" }')).toContain("absent >=0");
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

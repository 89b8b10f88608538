/**
 * A nexo-rs home becomes a config of ours, at once or not at all.
 *
 * @module
 */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { loadSettings } from "../../../../core/settings/load.ts";
import { importNexoHome, type ImportReport } from "../../../../core/settings/nexo/import.ts";
import { runNexo } from "../../../support/cli.ts";

const FIXTURE = resolve(import.meta.dirname, "../../../fixtures/nexo_home");

/** A copy of the home, and a home of ours beside it. */
async function openPlace() {
  const dir = await mkdtemp(join(tmpdir(), "import-"));
  const from = join(dir, "old");
  await cp(FIXTURE, from, { recursive: true });
  const ours = join(dir, "ours");
  const to = join(ours, "config");
  return {
    from,
    to,
    env: { NEXO_HOME: ours, HOME: dir },
    import: (more: { dryRun?: boolean; to?: string } = {}) =>
      importNexoHome({ from, to, dryRun: false, env: { NEXO_HOME: ours }, ...more }),
    list: () => readdir(ours, { recursive: true }).catch(() => []),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true }),
  };
}

const said = (report: ImportReport, part: "took" | "changed" | "could_not"): string =>
  report[part].map(({ file, what }) => `${file}: ${what}`).join("\n");

describe("importNexoHome()", () => {
  it("takes what means the same, and says what it changed, left behind and needs", async () => {
    await using place = await openPlace();
    const report = await place.import();
    expect(report.written).toBe(true);
    expect(said(report, "took")).toContain("config/agents.yaml: agents ana");
    expect(said(report, "changed")).toContain("bob is left out");
    expect(said(report, "changed")).toContain("tenant globex is not active");
    expect(said(report, "could_not")).toMatch(/config\/memory\.yaml: the whole file/);
    expect(said(report, "could_not")).toMatch(/agents\.yaml:\d+: agents\[0\]\.dreaming/);
    expect(said(report, "could_not")).toContain("the credential of telegram acme");
    expect(report.needs.map(({ what }) => what).join("\n"))
      .toMatch(/"ANTHROPIC_API_KEY" is not set[\s\S]*STRIPE_WEBHOOK_SECRET/);

    const env = { ...place.env, ANTHROPIC_API_KEY: "k", STRIPE_WEBHOOK_SECRET: "s".repeat(32) };
    const { settings, problems } = await loadSettings({ configDir: place.to, env });
    expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
    expect([...settings?.agents.keys() ?? []]).toEqual(["ana", "bob"]);
    expect(settings?.agents.get("bob")?.system_prompt).toContain("the one that answers");
    expect(settings?.agents.get("ana")?.skills_dir).toBe(join(place.from, "skills"));
    expect(settings?.extensions.search_paths).toEqual([join(place.from, "extensions")]);
    expect(settings?.broker.type).toBe("embedded");
    expect(settings?.plugins.telegram[0]?.token).toMatch(/^123456:/);
    // Comments and layout of a person stay.
    const agents = await readFile(join(place.to, "agents.yaml"), "utf8");
    expect(agents).toContain("# Sales desk of two customers");
    expect(agents).toContain("description: Sells phone plans # asked by marketing");
    const secret = await stat(join(place.to, "../secrets/telegram_acme.txt"));
    expect(secret.mode & 0o777).toBe(0o600);
  });

  it("writes nothing when it only looks", async () => {
    await using place = await openPlace();
    const report = await place.import({ dryRun: true });
    expect(report.written).toBe(false);
    expect(report.took.length).toBeGreaterThan(5);
    expect(await place.list()).toEqual([]);
  });

  it("never overwrites: a config or another secret in the way stops it", async () => {
    await using place = await openPlace();
    await mkdir(place.to, { recursive: true });
    await writeFile(join(place.to, "agents.yaml"), "agents: []\n");
    await expect(place.import()).rejects.toMatchObject({ code: "conflict" });
    expect(await readFile(join(place.to, "agents.yaml"), "utf8")).toBe("agents: []\n");

    await using other = await openPlace();
    const secret = join(other.to, "../secrets/telegram_acme.txt");
    await mkdir(join(secret, ".."), { recursive: true });
    await writeFile(secret, "another");
    await expect(other.import()).rejects.toMatchObject({ code: "conflict" });
    expect(await readFile(secret, "utf8")).toBe("another");
    expect(await other.list()).toHaveLength(2);
  });

  it.each([
    ["agents.yaml", "agents: [", /agents\.yaml$/],
    ["agents.yaml", "agents:\n  - id: ana\n    no_such_key: 1\n", /config\/agents\.yaml$/],
    ["plugins/telegram.yaml", "telegram: 7\n", /plugins\/telegram\.yaml$/],
    ["tenants.yaml", "tenants: { 'Not An Id': {} }\n", /tenants\.yaml$/],
    ["llm.yaml", "providers: { a: { api_key: ${file:../../etc/passwd} } }\n", /llm\.yaml$/],
  ])(
    "changes nothing when %s says %j, and names the place in the old home",
    async (name, text, at) => {
      await using place = await openPlace();
      await writeFile(join(place.from, "config", name), text);
      await expect(place.import()).rejects.toMatchObject({
        code: "config_invalid",
        problems: expect.arrayContaining([
          expect.objectContaining({ severity: "error", file: expect.stringMatching(at) as string }),
        ]) as unknown,
      });
      expect(await place.list()).toEqual([]);
    },
  );

  it("says that a directory is no home", async () => {
    await using place = await openPlace();
    await rm(join(place.from, "config/agents.yaml"));
    await expect(place.import()).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("nexo import", () => {
  it("prints the report, as an object with --json, and fails with 1 where it cannot", async () => {
    await using place = await openPlace();
    const looked = await runNexo(place.env, "import", place.from, "--dry-run", "--json");
    expect(looked.code).toBe(0);
    expect(JSON.parse(looked.stdout)).toMatchObject({ written: false, to: place.to });
    const first = await runNexo(place.env, "import", place.from);
    expect(first.code).toBe(0);
    for (const title of ["Taken", "Changed", "Left behind", "Needed", "Next: npx nexo check"]) {
      expect(first.stdout).toContain(title);
    }
    const again = await runNexo(place.env, "import", place.from);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain("name another directory with --to");
  });
});

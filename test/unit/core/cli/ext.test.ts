/**
 * `nexo ext` without a daemon: it works on the files alone.
 *
 * @module
 */
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { runCli } from "../../../../core/cli/program.ts";
import type { InstallReport } from "../../../../core/cli/ext/report.ts";

const EXTENSIONS = `# ours
extensions:
  search_paths: [] # none yet

  entries:
    # the till
    till:
      capabilities_grant: [tenants_crud] # for all
`;
const AGENTS = `agents:
  - id: ana
    model: { provider: offline, model: rules }
    system_prompt: You are Ana.
`;

let dir = "";
let configDir = "";
beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), "nexo-ext-")));
  configDir = join(dir, "config");
  await mkdir(configDir);
  await writeFile(join(configDir, "agents.yaml"), AGENTS);
  await writeFile(join(configDir, "extensions.yaml"), EXTENSIONS);
  await makeSource();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(dir, { recursive: true, force: true });
});

async function makeSource(
  { id = "shop", version = "1.0.0", at = "src" }: { id?: string; version?: string; at?: string } =
    {},
): Promise<void> {
  await mkdir(join(dir, at), { recursive: true });
  await writeFile(join(dir, at, "main.js"), "");
  await writeFile(
    join(dir, at, "plugin.toml"),
    `[plugin]\nid = "${id}"\nversion = "${version}"\n[capabilities]\ntools = ["sell"]\n` +
      `[capabilities.admin]\nrequired = ["agents_crud"]\noptional = ["transcripts_read"]\n` +
      `[transport]\nkind = "stdio"\ncommand = "node"\nargs = ["main.js"]\n`,
  );
}

async function nexo(...args: string[]) {
  let stdout = "";
  let stderr = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => (stdout += String(text), true));
  vi.spyOn(process.stderr, "write").mockImplementation((text) => (stderr += String(text), true));
  const code = await runCli(["node", "nexo", ...args], {
    env: {
      HOME: dir,
      NEXO_HOME: join(dir, "home"),
      NEXO_CONFIG: configDir,
      PATH: process.env["PATH"],
    },
    cwd: dir,
    packageRoot: join(dir, "package"),
    version: "1.2.3",
    signal: new AbortController().signal,
  });
  vi.restoreAllMocks();
  return { code, stdout, stderr };
}

async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await nexo(...args, "--json");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout) as T;
}

const yaml = () => readFile(join(configDir, "extensions.yaml"), "utf8");

describe("nexo ext install", () => {
  it("copies a microapp into the home, and says what it asks for", async () => {
    expect(await json("ext", "install", "src")).toEqual({
      id: "shop",
      version: "1.0.0",
      target: join(dir, "home/extensions/shop/app/1"),
      mode: "copy",
      enabled: true,
      state: null,
      reason: "capabilities not granted: agents_crud",
      tools: ["ext_shop_sell"],
      missing_required: ["agents_crud"],
      missing_optional: ["transcripts_read"],
    });
    expect(await yaml()).toBe(EXTENSIONS);
    expect(await json("ext", "list")).toMatchObject([{
      id: "shop",
      version: "1.0.0",
      status: "enabled",
      tools: ["sell"],
      origin: "installed",
    }]);
  });

  it("grants what is asked for and keeps every comment", async () => {
    const report = await json<InstallReport>("ext", "install", "src", "--grant", "all");
    expect(report).toMatchObject({ missing_required: [], missing_optional: [], reason: null });
    expect(await yaml()).toBe(
      `${EXTENSIONS}    shop:\n      capabilities_grant:\n        - agents_crud\n        - transcripts_read\n`,
    );
    expect(await nexo("ext", "install", "src", "--update", "--grant", "tenants_crud")).toEqual({
      code: 2,
      stdout: "",
      stderr:
        'nexo: Cannot grant "tenants_crud": "shop" asks for agents_crud, transcripts_read [usage]\n',
    });
  });

  it("tells people what to write", async () => {
    const { stdout } = await nexo("ext", "install", "src/plugin.toml");
    expect(stdout).toContain("No daemon runs; it starts with the next `nexo dev`");
    expect(stdout).toContain(
      "  extensions:\n    entries:\n      shop:\n        capabilities_grant:\n" +
        "          - agents_crud\n          - transcripts_read\n",
    );
  });

  it("runs a linked one where it lies, and goes from link to copy and back when told to", async () => {
    expect(await json("ext", "install", "src", "--link")).toMatchObject({
      mode: "link",
      target: join(dir, "src"),
    });
    expect(await yaml()).toContain(`    shop:\n      path: ${join(dir, "src")}\n`);
    expect(await json("ext", "install", "src")).toMatchObject({ mode: "in_place" });
    await makeSource({ version: "2.0.0", at: "new" });
    expect(await nexo("ext", "install", "new")).toMatchObject({ code: 1 });
    expect(await json("ext", "install", "new", "--update")).toMatchObject({
      mode: "update",
      version: "2.0.0",
    });
    expect(await yaml()).toBe(EXTENSIONS);
    await json("ext", "install", "src", "--link", "--update");
    expect(await json("ext", "list")).toMatchObject([{ path: join(dir, "src"), origin: "entry" }]);
    expect(await readdir(join(dir, "home/extensions/shop"))).toEqual([]);
  });

  it("updates as a whole, and only what is there", async () => {
    expect(await nexo("ext", "install", "src", "--update")).toMatchObject({
      code: 1,
      stderr: 'nexo: Cannot update "shop": it is not installed [not_found]\n',
    });
    await json("ext", "install", "src");
    await makeSource({ version: "1.1.0" });
    const again = await nexo("ext", "install", "src");
    expect(again.code).toBe(1);
    expect(again.stderr).toContain("--update replaces it [conflict]");
    expect(await json("ext", "install", "src", "--update")).toMatchObject({
      mode: "update",
      version: "1.1.0",
      target: join(dir, "home/extensions/shop/app/2"),
    });
    expect(await readdir(join(dir, "home/extensions/shop/app"))).toEqual(["2"]);
  });

  it("uses what lies in a search path where it lies, and lets nothing take its place", async () => {
    await writeFile(
      join(configDir, "extensions.yaml"),
      "extensions:\n  search_paths: [../dropped]\n",
    );
    await makeSource({ at: "dropped/shop" });
    expect(await json("ext", "install", "dropped/shop", "--grant", "all")).toMatchObject({
      mode: "in_place",
      target: join(dir, "dropped/shop"),
      missing_required: [],
    });
    const other = await nexo("ext", "install", "src", "--update");
    expect(other.stderr).toMatch(/one of that id is at ".*dropped\/shop"; remove that first/);
    const removed = await nexo("ext", "uninstall", "shop", "--yes");
    expect(removed).toMatchObject({ code: 1, stderr: expect.stringContaining("by hand") });
  });

  it("changes nothing on a dry run, a bad manifest, a missing program or a wrong config", async () => {
    expect(await json("ext", "install", "src", "--dry-run", "--grant", "all")).toMatchObject({
      mode: "dry-run",
      target: join(dir, "home/extensions/shop/app/1"),
    });
    await writeFile(join(dir, "src/plugin.toml"), "[plugin]\n");
    expect(await nexo("ext", "install", "src")).toMatchObject({ code: 1, stdout: "" });
    await makeSource();
    await rm(join(dir, "src/main.js"));
    const unbuilt = await nexo("ext", "install", "src");
    expect(unbuilt).toMatchObject({ code: 1, stderr: expect.stringContaining("build it first") });
    await makeSource();
    expect(await yaml()).toBe(EXTENSIONS);
    const wrong = "extensions:\n  entries: { shop: { wrong: 1 } }\n";
    await writeFile(join(configDir, "extensions.yaml"), wrong);
    const refused = await nexo("ext", "install", "src", "--grant", "all");
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toContain("extensions.yaml:2");
    expect(await yaml()).toBe(wrong);
    expect(await readdir(join(dir, "home")).catch(() => [])).toEqual([]);
  });

  it("refuses ids and paths that are none before it makes a path of them", async () => {
    for (const id of ["../../etc", "Shop", "", "a/b", "a".repeat(65)]) {
      for (const command of ["info", "enable", "disable", "uninstall", "state-dir", "restart"]) {
        expect(await nexo("ext", command, id), `${command} ${id}`).toMatchObject({ code: 2 });
      }
    }
    expect(await nexo("ext", "install")).toMatchObject({ code: 2 });
    expect(await nexo("ext", "install", "nowhere")).toMatchObject({ code: 1 });
    expect(await nexo("ext", "status")).toMatchObject({ code: 3 });
    expect(await nexo("ext", "restart", "shop")).toMatchObject({ code: 3 });
  });
});

describe("nexo ext enable | disable | uninstall", () => {
  it("switches a microapp off and on again, and leaves the file as it was", async () => {
    await json("ext", "install", "src", "--no-enable");
    expect(await yaml()).toContain("  disabled:\n    - shop\n");
    expect(await json("ext", "list")).toMatchObject([{ id: "shop", status: "disabled" }]);
    expect(await json("ext", "enable", "shop")).toEqual({
      id: "shop",
      enabled: true,
      changed: true,
      state: null,
    });
    expect(await yaml()).toBe(EXTENSIONS);
    expect((await nexo("ext", "enable", "shop")).stdout).toBe("shop is already enabled\n");
    expect((await nexo("ext", "disable", "shop")).stdout).toBe("shop is disabled\n");
    expect(await nexo("ext", "disable", "nobody")).toMatchObject({ code: 1 });
  });

  it("grants what a microapp asks for, and nothing else", async () => {
    await json("ext", "install", "src");
    const refused = await nexo("ext", "enable", "shop", "--grant", "secrets_write");
    expect(refused).toMatchObject({ code: 2 });
    await json("ext", "enable", "shop", "--grant", "agents_crud");
    expect(await json("ext", "list")).toMatchObject([{
      missing_required: [],
      missing_optional: ["transcripts_read"],
    }]);
    await json("ext", "enable", "shop", "--grant", "all");
    expect(await yaml()).toContain("- agents_crud\n        - transcripts_read\n");
  });

  it("removes the files and keeps state and grants", async () => {
    await json("ext", "install", "src", "--grant", "all");
    const state = (await nexo("ext", "state-dir", "shop", "--ensure")).stdout.trim();
    expect(state).toBe(join(dir, "home/extensions/shop/state"));
    await writeFile(join(state, "kept"), "");
    expect(await nexo("ext", "uninstall", "shop")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--yes"),
    });
    expect(await json("ext", "uninstall", "shop", "--yes")).toMatchObject({
      id: "shop",
      removed: true,
      was_link: false,
    });
    expect(await json("ext", "list")).toEqual([]);
    expect(await readdir(join(dir, "home/extensions/shop"))).toEqual(["state"]);
    expect(await readdir(state)).toEqual(["kept"]);
    expect(await yaml()).toContain("- agents_crud");
  });

  it("forgets a link and leaves its directory", async () => {
    await json("ext", "install", "src", "--link");
    await json("ext", "disable", "shop");
    expect(await json("ext", "uninstall", "shop", "--yes")).toMatchObject({ was_link: true });
    expect(await yaml()).toBe(EXTENSIONS);
    expect(await readdir(join(dir, "src"))).toEqual(["main.js", "plugin.toml"]);
  });
});

describe("nexo ext info | validate", () => {
  it("tells of one microapp", async () => {
    await json("ext", "install", "src");
    expect(await json("ext", "info", "shop")).toMatchObject({
      id: "shop",
      missing_required: ["agents_crud"],
      state_dir: join(dir, "home/extensions/shop/state"),
      status: null,
    });
  });

  it("judges a manifest", async () => {
    expect(await nexo("ext", "validate", "src")).toEqual({
      code: 0,
      stdout: "ok: shop 1.0.0 (1 tools, 0 hooks)\n",
      stderr: "",
    });
    await makeSource({ id: "NO" });
    const bad = await nexo("ext", "validate", "src");
    expect(bad).toMatchObject({ code: 1, stdout: expect.stringContaining("InvalidId") });
    expect(await nexo("ext", "validate", "nowhere")).toMatchObject({ code: 1 });
  });
});

/**
 * Installing microapps: what is copied, what is refused, and which copy counts.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { discoverMicroapps } from "../../../../core/microapps/discovery.ts";
import { addCopy, removeCopies } from "../../../../core/microapps/install/copies.ts";
import { programProblem, readSource } from "../../../../core/microapps/install/source.ts";
import { copiesOf, installedRoot } from "../../../../core/microapps/installed.ts";
import { listMicroapps } from "../../../../core/microapps/listing.ts";

let dir = "";
let homeDir = "";
beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), "nexo-install-")));
  homeDir = join(dir, "home");
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function write(path: string, text = ""): Promise<string> {
  const file = join(dir, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

const manifest = (id: string, version = "1.0.0", args = '["main.js"]') =>
  `[plugin]\nid = "${id}"\nversion = "${version}"\n` +
  `[capabilities]\ntools = ["t"]\n[transport]\nkind = "stdio"\ncommand = "node"\nargs = ${args}\n`;

async function makeSource(id = "shop", version?: string): Promise<string> {
  await write("src/plugin.toml", manifest(id, version));
  await write("src/main.js", `"${version}"`);
  return join(dir, "src");
}

const copy = (from: string, nonce = "n") =>
  addCopy({ homeDir, id: "shop", from, installDir: join(dir, "install"), nonce });

const discover = (config = {}) =>
  discoverMicroapps({
    config: { search_paths: [], ...config },
    configDir: join(dir, "config"),
    homeDir,
    env: process.env,
    agentVersion: "0.1.5",
  });

describe("addCopy()", () => {
  it("copies files as they are, and the newest copy counts", async () => {
    const from = await makeSource();
    await write("src/bin/run.sh", "#!/bin/sh\n");
    await chmod(join(from, "bin/run.sh"), 0o755);
    await write("src/.git/config", "secret history");
    await mkdir(join(from, "node_modules/.bin"), { recursive: true });
    await symlink("../../main.js", join(from, "node_modules/.bin/main"));
    await symlink(join(from, "bin"), join(from, "absolute"));
    const first = await copy(from);
    expect(first).toBe(join(homeDir, "extensions/shop/app/1"));
    expect((await stat(join(first, "bin/run.sh"))).mode & 0o777).toBe(0o755);
    expect(await readlink(join(first, "node_modules/.bin/main"))).toBe("../../main.js");
    expect(await realpath(join(first, "absolute"))).toBe(join(first, "bin"));
    expect(await readdir(first)).not.toContain(".git");

    const second = await copy(await makeSource("shop", "2.0.0"));
    expect(await installedRoot(homeDir, "shop")).toBe(second);
    expect(await readFile(join(first, "main.js"), "utf8")).toBe('"undefined"');
    await removeCopies({ homeDir, id: "shop", keep: second });
    expect(await copiesOf(homeDir, "shop")).toEqual([2]);
  });

  it("refuses links that lead out, and leaves nothing", async () => {
    const from = await makeSource();
    const secret = await write("secret.txt", "mine");
    await symlink("../..", join(from, "hop"));
    await symlink(secret, join(from, "direct"));
    for (const link of ["hop", "direct"]) {
      await expect(copy(from)).rejects.toMatchObject({ code: "install_refused" });
      await rm(join(from, link), { force: true });
    }
    await symlink("hop2", join(from, "hop1"));
    await symlink(dirname(secret), join(from, "hop2"));
    await expect(copy(from)).rejects.toThrow(/leads out of it/);
    expect(await copiesOf(homeDir, "shop")).toEqual([]);
    expect(await readdir(join(homeDir, "extensions/shop/app"))).toEqual([]);
  });

  it("keeps the link to this installation, which the SDK is imported from, and no other", async () => {
    const from = await makeSource();
    await mkdir(join(dir, "install/inner"), { recursive: true });
    await write("install/main.js", "ours");
    await mkdir(join(from, "node_modules/.bin"), { recursive: true });
    await symlink("../../install", join(from, "node_modules/nexo-microapps"));
    await symlink("../nexo-microapps/main.js", join(from, "node_modules/.bin/nexo"));
    const root = await copy(from);
    expect(await readFile(join(root, "node_modules/.bin/nexo"), "utf8")).toBe("ours");
    expect(await readlink(join(root, "node_modules/nexo-microapps"))).toBe(join(dir, "install"));
    await symlink("../../install/inner", join(from, "node_modules/inner"));
    await expect(copy(from)).rejects.toMatchObject({ code: "install_refused" });
  });

  it("refuses what is neither file nor directory", async () => {
    const from = await makeSource();
    execFileSync("mkfifo", [join(from, "pipe")]);
    await expect(copy(from)).rejects.toThrow(/neither a file nor a directory/);
  });

  it("ignores what a killed install left", async () => {
    await copy(await makeSource());
    await write("home/extensions/shop/app/.x.tmp/plugin.toml", manifest("shop", "9.0.0"));
    expect(await copiesOf(homeDir, "shop")).toEqual([1]);
    expect(await installedRoot(homeDir, "shop")).toBe(join(homeDir, "extensions/shop/app/1"));
  });
});

describe("discovery of installed microapps", () => {
  it("finds copies, what was put there by hand, and entries, once each", async () => {
    await copy(await makeSource());
    await write("home/extensions/hand/plugin.toml", manifest("hand"));
    await write("linked/plugin.toml", manifest("linked"));
    const { candidates, found } = await discover({
      entries: { linked: { path: join(dir, "linked") } },
      disabled: ["hand"],
    });
    expect(candidates.map(({ id }) => id)).toEqual(["linked", "shop"]);
    expect(found.map(({ id, origin, enabled }) => [id, origin, enabled])).toEqual([
      ["hand", "installed", false],
      ["linked", "entry", true],
      ["shop", "installed", true],
    ]);
  });

  it("never looks into state directories, whatever the search path", async () => {
    const root = await copy(await makeSource());
    await write("home/extensions/shop/state/evil/plugin.toml", manifest("evil"));
    await write("home/extensions/shop/state/plugin.toml", manifest("worse"));
    await write("home/extensions/nobody/state/plugin.toml", manifest("nobody"));
    for (const path of ["home", "home/extensions", "home/extensions/shop", "."]) {
      const { found } = await discover({ search_paths: [join(dir, path)], ignore_dirs: ["src"] });
      expect(found.map(({ id, root: at }) => [id, at])).toEqual([["shop", root]]);
    }
  });

  it("refuses a directory of another name, a link, and a manifest from outside", async () => {
    await write("home/extensions/shop/plugin.toml", manifest("other"));
    await write("outside/plugin.toml", manifest("linked"));
    await symlink(join(dir, "outside"), join(homeDir, "extensions/linked"));
    await mkdir(join(homeDir, "extensions/borrowed"));
    await symlink(
      join(dir, "outside/plugin.toml"),
      join(homeDir, "extensions/borrowed/plugin.toml"),
    );
    const discovery = await discover();
    expect(discovery.found).toEqual([]);
    expect(discovery.diagnostics).toMatchObject([{ code: "IdMismatch", level: "error" }]);
    expect(listMicroapps(discovery, {})).toMatchObject([{
      id: "shop",
      version: null,
      status: "error",
      reason: '"shop" holds "other"',
    }]);
  });
});

describe("readSource()", () => {
  it("reads a directory or its plugin.toml, through links", async () => {
    const from = await makeSource();
    await symlink(from, join(dir, "alias"));
    for (const path of ["src", "src/plugin.toml", "alias"]) {
      const source = await readSource(join(dir, path), { agentVersion: "0.1.5" });
      expect(source).toMatchObject({ root: from, manifest: { id: "shop" } });
      expect(await programProblem(source)).toBe(undefined);
    }
  });

  it("says what is missing or wrong, with the file", async () => {
    const read = () => readSource(join(dir, "src"), { agentVersion: "0.1.5" });
    await expect(read()).rejects.toMatchObject({ code: "not_found" });
    await write("src/plugin.toml", manifest("NO"));
    await expect(read()).rejects.toMatchObject({
      code: "manifest_invalid",
      message: expect.stringMatching(/^Cannot use ".*src\/plugin.toml": InvalidId: /),
    });
  });

  it.each([
    ['["dist/main.js"]', 'its program "dist/main.js" is not there; build it first'],
    ['["--enable-source-maps", "x.mjs"]', 'its program "x.mjs" is not there; build it first'],
    ['["-e", "1"]', undefined],
  ])("knows what cannot start: %s", async (args, problem) => {
    await write("src/plugin.toml", manifest("shop", "1.0.0", args));
    const source = await readSource(join(dir, "src"), { agentVersion: "0.1.5" });
    expect(await programProblem(source)).toBe(problem);
    expect((await lstat(source.root)).isDirectory()).toBe(true);
  });
});

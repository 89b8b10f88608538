/**
 * Finding microapps on disk.
 *
 * @module
 */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ExtensionsConfig } from "../../../../core/microapps/candidate.ts";
import { discoverMicroapps } from "../../../../core/microapps/discovery.ts";

let configDir = "";
beforeEach(async () => {
  configDir = await mkdtemp(join(tmpdir(), "nexo-discovery-"));
});
afterEach(() => rm(configDir, { recursive: true, force: true }));

const manifest = (id: string, more = "") =>
  `[plugin]\nid = "${id}"\nversion = "1.0.0"\n[capabilities]\ntools = ["x"]\n` +
  `[transport]\nkind = "stdio"\ncommand = "./x"\n${more}`;

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(configDir, path)), { recursive: true });
  await writeFile(join(configDir, path), text);
}

const discover = (config: ExtensionsConfig = {}, env: Record<string, string> = {}) =>
  discoverMicroapps({ config, configDir, env, agentVersion: "0.1.5" });

describe("discoverMicroapps()", () => {
  it("walks the search paths, ignores some directories and looks into no microapp", async () => {
    await put("extensions/b/plugin.toml", manifest("bee"));
    await put("extensions/deep/er/a/plugin.toml", manifest("ant"));
    await put("extensions/b/inner/plugin.toml", manifest("inner"));
    await put("extensions/node_modules/c/plugin.toml", manifest("cat"));
    await put("extensions/1/2/3/4/plugin.toml", manifest("deep"));
    await put("more/plugin.toml", manifest("dog"));
    const { candidates, diagnostics } = await discover({ search_paths: ["extensions", "more"] });
    expect(candidates.map(({ id, refusal }) => [id, refusal])).toEqual([
      ["ant", null],
      ["bee", null],
      ["dog", null],
    ]);
    expect(candidates[1]?.root).toBe(join(configDir, "extensions/b"));
    expect(diagnostics).toEqual([]);
    expect((await discover({ enabled: false })).candidates).toEqual([]);
    const { candidates: shallow } = await discover({ max_depth: 1 });
    expect(shallow.map(({ id }) => id)).toEqual(["bee"]);
  });

  it("keeps the first of two with one id and goes on after a broken one", async () => {
    await put("extensions/a/plugin.toml", manifest("same"));
    await put("extensions/b/plugin.toml", manifest("same"));
    await put("extensions/c/plugin.toml", manifest("Wrong"));
    await put("extensions/d/plugin.toml", manifest("good", "[colours]\n"));
    const { candidates, diagnostics } = await discover();
    expect(candidates.map(({ root }) => root)).toEqual([
      join(configDir, "extensions/d"),
      join(configDir, "extensions/a"),
    ]);
    expect(diagnostics.map(({ level, code }) => [level, code])).toEqual([
      ["warn", "DuplicateId"],
      ["error", "InvalidId"],
      ["warn", "Manifest"],
    ]);
  });

  it("leaves out what is disabled or not on the list, and names ids that do not exist", async () => {
    for (const id of ["a", "b", "c"]) await put(`extensions/${id}/plugin.toml`, manifest(id));
    const off = await discover({ disabled: ["a", "ghost"], entries: { b: { enabled: false } } });
    expect(off.candidates.map(({ id }) => id)).toEqual(["c"]);
    expect(off.diagnostics).toMatchObject([{ code: "UnknownId" }]);
    const listed = await discover({ allowlist: ["b"] });
    expect(listed.candidates.map(({ id }) => id)).toEqual(["b"]);
  });

  it("says why a microapp may not start, and keeps it in the list", async () => {
    await put("extensions/a/plugin.toml", manifest("a", '[requires]\nenv = ["SET", "UNSET"]\n'));
    await put(
      "extensions/b/plugin.toml",
      manifest("b", '[requires]\nbins = ["no-such-bin", "sh"]\n'),
    );
    await put(
      "extensions/c/plugin.toml",
      manifest("c", '[capabilities.admin]\nrequired = ["z", "y"]\n'),
    );
    const http = (bind: string) =>
      `[capabilities.http_server]\nport = 1\ntoken_env = "T"\nbind = "${bind}"\n`;
    await put("extensions/d/plugin.toml", manifest("d", http("0.0.0.0")));
    await put("extensions/e/plugin.toml", manifest("e", http("localhost")));
    const config = { entries: { c: { capabilities_grant: ["z", { capability: "spare" }] } } };
    const env = { SET: "1", PATH: process.env["PATH"] ?? "" };
    const { candidates, diagnostics } = await discover(config, env);
    expect(candidates.map(({ id, refusal }) => [id, refusal])).toEqual([
      ["a", "not set: UNSET"],
      ["b", "not on PATH: no-such-bin"],
      ["c", "capabilities not granted: y"],
      ["d", 'http_server.bind "0.0.0.0" needs allow_external_bind: true'],
      ["e", null],
    ]);
    expect(diagnostics.map(({ code }) => code).sort()).toEqual([
      "ExternalBindNotAllowed",
      "OrphanGrant",
      "RequiredNotGranted",
      "RequiresBins",
      "RequiresEnv",
    ]);
    const allowed = await discover({ entries: { d: { allow_external_bind: true } } }, env);
    expect(allowed.candidates.find(({ id }) => id === "d")?.refusal).toBeNull();
  });

  it("starts one of two that would serve on the same port", async () => {
    const http = (bind: string) =>
      `[capabilities.http_server]\nport = 8100\ntoken_env = "T"\n` +
      `bind = "${bind}"\n`;
    await put("extensions/a/plugin.toml", manifest("a", http("::1")));
    await put("extensions/b/plugin.toml", manifest("b", http("127.0.0.1")));
    const { candidates, diagnostics } = await discover({}, {});
    expect(candidates.map(({ id, refusal }) => [id, refusal])).toEqual([
      ["a", null],
      ["b", 'http_server.port 8100 is already that of "a"'],
    ]);
    expect(diagnostics).toMatchObject([{ level: "error", code: "PortTaken" }]);
  });

  it("takes explicit paths: a directory, or one script", async () => {
    await put("apps/a/plugin.toml", manifest("a"));
    await put("scripts/tool.mjs", "");
    const { candidates, diagnostics } = await discover({
      search_paths: [],
      entries: {
        a: { path: "apps/a" },
        tool: { path: "./scripts/tool.mjs" },
        b: { path: "apps/a" },
      },
    });
    expect(candidates.map(({ id }) => id)).toEqual(["a", "tool"]);
    expect(candidates[1]).toMatchObject({
      root: join(configDir, "scripts"),
      manifest: {
        transport: { kind: "stdio", command: "node", args: [join(configDir, "scripts/tool.mjs")] },
      },
    });
    expect(diagnostics.map(({ code }) => code)).toEqual(["IdMismatch", "UnknownId"]);
  });

  it("follows links only when told to, and ends in a loop of them", async () => {
    await put("elsewhere/a/plugin.toml", manifest("a"));
    await mkdir(join(configDir, "extensions"));
    await symlink(join(configDir, "elsewhere/a"), join(configDir, "extensions/a"));
    await symlink(join(configDir, "extensions"), join(configDir, "extensions/loop"));
    const without = await discover();
    expect(without.candidates).toEqual([]);
    expect(without.diagnostics.map(({ code }) => code)).toEqual(["LinkSkipped", "LinkSkipped"]);
    const following = await discover({ follow_links: true });
    expect(following.candidates.map(({ id }) => id)).toEqual(["a"]);
  });
});

/**
 * What `nexo init` makes runs at every level of this machine or a poorer one.
 *
 * @module
 */
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Candidate } from "../../../core/microapps/candidate.ts";
import { discoverMicroapps } from "../../../core/microapps/discovery.ts";
import { callTool, openTestHost } from "../../support/microapps/host.ts";
import { DENO, sandboxed, SECRET, withoutBwrap } from "../../support/sandbox/place.ts";

const templates = fileURLToPath(new URL("../../../extensions/templates/", import.meta.url));

async function candidatesOf(path: string): Promise<readonly Candidate[]> {
  const { candidates } = await discoverMicroapps({
    config: { search_paths: [path] },
    configDir: templates,
    env: process.env,
    agentVersion: "0.1.5",
  });
  return candidates;
}

/** The same microapp, run by Deno from its sources. */
function onDeno({ manifest, ...rest }: Candidate): Candidate {
  const transport = { kind: "stdio" as const, command: DENO, args: ["run", "main.ts"] };
  return { ...rest, manifest: { ...manifest, transport } };
}

describe.each([
  ["ts", "notebook", "permissions", (candidate: Candidate) => candidate],
  ["ts on Deno", "notebook", "permissions", onDeno],
  ["python", "notebook-py", "none", (candidate: Candidate) => candidate],
])("the template %s", (name, id, poorer, as) => {
  it.each([["with bwrap", "bwrap", undefined], ["without bwrap", poorer, withoutBwrap]])(
    "keeps notes %s",
    async (_, level, helpers) => {
      const candidates = (await candidatesOf(name.split(" ")[0] ?? "")).map(as);
      await using app = await openTestHost(candidates, helpers === undefined ? {} : { helpers });
      await app.host.settled();
      expect(app.host.status()).toMatchObject([{ id, state: "ready", sandbox: level }]);
      expect((await callTool(app, id, "note_add", { text: "kept" })).ok).toBe(true);
      expect(await callTool(app, id, "note_list")).toMatchObject({
        value: { notes: [{ text: "kept" }] },
      });
    },
  );
});

describe("Deno under permissions alone", () => {
  it("imports packages of node_modules, and nothing that they could lead to", async () => {
    const dir = await realpath(await mkdtemp(join(tmpdir(), "nexo-packages-")));
    const write = async (path: string, text: string) => {
      await mkdir(dirname(join(dir, path)), { recursive: true });
      await writeFile(join(dir, path), text);
    };
    await write("outside/secret.js", `export default "${SECRET}"`);
    await write("outside/secret.json", JSON.stringify(SECRET));
    await write("app/package.json", '{"name":"app","type":"module","dependencies":{"good":"1"}}');
    await write("app/node_modules/good/package.json", '{"name":"good","version":"1.0.0"}');
    await write("app/node_modules/good/index.mjs", 'export default "good"');
    await write(
      "app/main.ts",
      `import { createRequire } from "node:module";
      import process from "node:process";
      const require = createRequire(import.meta.url);
      const ways: Record<string, () => unknown> = {
        good: () => import("good/index.mjs"),
        computed: () => import(["good", "index.mjs"].join("/")),
        out: () => import(["good", "../../../outside/secret.js"].join("/")),
        scheme: () => import(["npm:good", "../../../outside/secret.js"].join("/")),
        remote: () => import("npm:left-pad@1.3.0"),
        require: () => require(["good", "../../../outside/secret.json"].join("/")),
      };
      const found: Record<string, string> = {};
      for (const [name, go] of Object.entries(ways)) {
        try {
          found[name] = JSON.stringify(await go());
        } catch {
          found[name] = "refused";
        }
      }
      process.stdin.setEncoding("utf8").on("data", (text) => {
        for (const line of text.trim().split("\\n")) {
          const { id, method } = JSON.parse(line);
          const result = method === "initialize" ? { tools: ["tell"] } : found;
          process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result }) + "\\n");
        }
      });`,
    );
    try {
      const candidate = sandboxed("app", {
        command: DENO,
        args: ["run", "main.ts"],
        entry: { sandbox: "auto" },
        root: join(dir, "app"),
      });
      await using app = await openTestHost([candidate], { helpers: withoutBwrap });
      await app.host.settled();
      expect(app.host.status()).toMatchObject([{ state: "ready", sandbox: "permissions" }]);
      const told = await callTool(app, "app", "tell");
      expect(JSON.stringify(told)).not.toContain(SECRET);
      expect(told.ok && told.value).toEqual({
        good: '{"default":"good"}',
        computed: '{"default":"good"}',
        out: "refused",
        scheme: "refused",
        remote: "refused",
        require: "refused",
      });
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});

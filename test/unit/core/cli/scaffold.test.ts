/**
 * What `nexo init` makes of a template.
 *
 * @module
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import fc from "fast-check";
import {
  scaffold,
  suggestId,
  TEMPLATE_DIRS,
  TEMPLATE_NAMES,
  type TemplateName,
} from "../../../../core/cli/init/scaffold.ts";
import { parseManifest } from "../../../../core/microapps/manifest.ts";
import { idProblem } from "../../../../core/microapps/manifest_identity.ts";

const packageRoot = resolve(import.meta.dirname, "../../../..");
let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "nexo-init-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const make = (template: TemplateName, to: string, id = "my-app") =>
  scaffold({
    from: join(packageRoot, TEMPLATE_DIRS[template] ?? template),
    to,
    id,
    packageRoot,
    nonce: "n",
  });
const read = (...path: string[]) => readFile(join(dir, ...path), "utf8");

describe("scaffold()", () => {
  it.each(TEMPLATE_NAMES)("makes a microapp of the template %s", async (template) => {
    await make(template, join(dir, "a/b/app"));
    const { manifest, warnings } = parseManifest({
      plugin: await read("a/b/app/plugin.toml"),
      agentVersion: "0.1.5",
    });
    expect(warnings).toEqual([]);
    expect(manifest).toMatchObject({ id: "my-app", name: "My app" });
    const readme = await read("a/b/app/README.md");
    expect(readme).toMatch(/^# My app\n/);
    expect(readme).toContain(
      template === "saas"
        ? "http://127.0.0.1:8787/apps/my-app/"
        : 'npx nexo chat acme "ext_my-app_note_add buy milk"',
    );
    expect(readme).not.toMatch(/ext_notebook|apps\/agent-creator|state-dir agent-creator/);
    expect(await read("a/b/app/.gitignore")).toContain("node_modules/\n");
    expect(await readdir(join(dir, "a/b"))).toEqual(["app"]);
    const files = await readdir(join(dir, "a/b/app"));
    for (const left of ["dist", "node_modules", "__pycache__", "package.template.json"]) {
      expect(files).not.toContain(left);
    }
  });

  it("lets a TypeScript microapp depend on this installation", async () => {
    await make("ts", join(dir, "app"));
    expect(JSON.parse(await read("app/package.json"))).toMatchObject({
      name: "my-app",
      private: true,
      dependencies: { "nexo-microapps": `file:${packageRoot}` },
    });
  });

  it("gives a product the versions of packages that this one is tried with", async () => {
    await make("saas", join(dir, "app"));
    interface Manifest {
      readonly dependencies: Record<string, string>;
      readonly devDependencies: Record<string, string>;
    }
    const own = JSON.parse(await read("app/package.json")) as Manifest;
    const root = JSON.parse(
      await readFile(join(packageRoot, "package.json"), "utf8"),
    ) as Manifest;
    const tried = { ...root.dependencies, ...root.devDependencies };
    for (const [name, version] of Object.entries({ ...own.dependencies, ...own.devDependencies })) {
      if (name === "nexo-microapps" || name === "typescript") continue;
      expect(`${name} ${version}`).toBe(`${name} ${tried[name]}`);
    }
  });

  it("takes an empty directory, and never what holds something", async () => {
    await mkdir(join(dir, "empty"));
    await make("python", join(dir, "empty"));
    expect(await readdir(join(dir, "empty"))).toContain("plugin.toml");
    await expect(make("python", join(dir, "empty"))).rejects.toMatchObject({ code: "conflict" });
    await writeFile(join(dir, "file"), "mine");
    await expect(make("python", join(dir, "file"))).rejects.toMatchObject({ code: "conflict" });
    expect(await read("file")).toBe("mine");
  });

  it("leaves nothing when it cannot finish", async () => {
    await expect(make("no-such-template" as TemplateName, join(dir, "app"))).rejects.toMatchObject({
      code: "config_unwritable",
    });
    expect(await readdir(dir)).toEqual([]);
  });
});

describe("suggestId()", () => {
  it("gives an id for any name that has a letter to start with", () => {
    expect(suggestId("/x/My Shop.2")).toBe("my-shop-2");
    expect(suggestId("/x/2-be")).toBe("be");
    expect(suggestId("/x/42")).toBe(undefined);
    fc.assert(fc.property(fc.string(), (name) => {
      const id = suggestId(`/x/${name}`);
      if (id === undefined) return;
      expect(idProblem(id) ?? "is taken").toContain("is taken");
    }));
  });
});

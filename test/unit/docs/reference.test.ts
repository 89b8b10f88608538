/**
 * docs/reference says what the program is; nothing is missing, no link of docs leads nowhere.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { runNexo } from "../../support/cli.ts";
import { referencePages } from "../../support/reference/pages.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const REFERENCE = join(ROOT, "docs/reference");
const pages = await referencePages();
const sources = (...dirs: string[]): string =>
  dirs.flatMap((dir) =>
    readdirSync(join(ROOT, dir), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.tsx?$/.test(name) && !name.endsWith(".test.ts"))
      .map((name) => readFileSync(join(ROOT, dir, name), "utf8"))
  ).join("\n");

/** Markdown files people read. */
const documents = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(ROOT, "docs"), {
    recursive: true,
    encoding: "utf8",
  }).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`),
];
const read = (name: string): string => readFileSync(join(ROOT, name), "utf8");

describe("docs/reference", () => {
  it.each(Object.entries(pages))(
    "has %s as the program is (vitest -u writes it)",
    async (name, text) => {
      await expect(text).toMatchFileSnapshot(join(REFERENCE, name));
    },
  );

  it("leaves out no variable that the program reads", () => {
    const named = new Set(
      sources("core", "edge", "extensions/sdk").match(/\bNEXO_[A-Z_]+[A-Z]\b/g),
    );
    // Names of other things: a stream of JetStream, a part of names, constants of the code.
    for (const other of ["NEXO_INGEST", "NEXO_EVENT_KINDS", "NEXO_KINDS", "NEXO_MICROAPP_ADMIN"]) {
      named.delete(other);
    }
    expect(named.size).toBeGreaterThan(20);
    const missing = [...named].filter((name) => !pages["environment.md"]?.includes(`\`${name}\``));
    expect(missing).toEqual([]);
  });

  it("leaves out no method that operators can call", () => {
    const named = sources("core/admin").matchAll(/operatorMethod\(\s*"([a-z_/]+)"/g);
    const missing = [...named].map(([, name]) => `nexo/operator/${name}`)
      .filter((name) => !pages["admin_rpc.md"]?.includes(`\`${name}\``));
    expect(missing).toEqual([]);
  });

  it("leaves out no route that an edge answers", () => {
    const routes = sources("edge").matchAll(
      /\bapp\.(get|post|put|delete|all)\(\s*[`"](\/[^`"$]*)[`"]/g,
    );
    const told = (pages["http.md"] ?? "").replaceAll(/\{\w+\}/g, ":x");
    const found = [...routes].map(([, , path = ""]) => path.replaceAll(/:\w+/g, ":x"))
      .filter((path) => !path.includes("*"));
    expect(found.length).toBeGreaterThan(8);
    expect(found.filter((path) => !told.includes(path))).toEqual([]);
  });
});

describe("docs", () => {
  const slug = (heading: string): string =>
    heading.trim().toLowerCase().replaceAll(/[`*]/g, "").replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
  const anchorsOf = (text: string): Set<string> =>
    new Set(Array.from(text.matchAll(/^#{1,6} (.+)$/gm), ([, heading = ""]) => slug(heading)));

  it.each(documents)("%s links to what is there", (name) => {
    const text = read(name).replaceAll(/```[^]*?```/g, "");
    const broken = Array.from(text.matchAll(/\]\(([^)\s]+)\)/g), ([, target = ""]) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [path = "", anchor] = target.split("#");
        const file = path === "" ? name : join(dirname(name), path);
        if (!existsSync(join(ROOT, file))) return true;
        return anchor !== undefined && file.endsWith(".md") && !anchorsOf(read(file)).has(anchor);
      });
    expect(broken).toEqual([]);
  });

  it.each(documents)("%s names files that are there", (name) => {
    const named = read(name).replaceAll(/```[^]*?```/g, "").matchAll(
      /`((?:core|edge|extensions|test|docs|config|migrations)\/[\w./-]*)`/g,
    );
    const missing = Array.from(named, ([, path = ""]) => path).filter((path) =>
      !existsSync(join(ROOT, path)) && !existsSync(join(ROOT, "extensions/agent-creator", path)) &&
      // The example of docs/channels.md, which readers write.
      !path.startsWith("core/channels/line/")
    );
    expect(missing).toEqual([]);
  });

  it("names commands and options that exist", async () => {
    const commands = [
      ...new Set(
        documents.flatMap((name) =>
          Array.from(read(name).matchAll(/^(?:\S+=\S+ )*(?:npx )?nexo ([a-z][^#\n|>&;$]*)/gm))
            .map(([, command = ""]) => command.trim())
        ),
      ),
    ];
    expect(commands.length).toBeGreaterThan(40);
    const sections = new Map(
      Array.from(
        (pages["cli.md"] ?? "").matchAll(
          /^## nexo ([a-z- ]*[a-z])(?: [<[].*)?\n([^]*?)(?=^## |$(?![^]))/gm,
        ),
        ([, words = "", body = ""]) => [words, body],
      ),
    );
    expect(sections.size).toBeGreaterThan(60);
    const unknown = commands.filter((command) => {
      const words = command.split(/[^a-z-]/).slice(0, 4);
      const body = [4, 3, 2, 1].map((length) => sections.get(words.slice(0, length).join(" ")))
        .find((found) => found !== undefined);
      const flags = command.match(/(?<= )--[a-z-]+/g) ?? [];
      return body === undefined || flags.some((flag) => !body.includes(flag));
    });
    expect(unknown).toEqual([]);
    // The same by the command itself, once.
    expect((await runNexo({}, "audit", "export", "--help")).code).toBe(0);
  });
});

/**
 * docs/microapps.md: its code compiles, its manifests and config are right, its commands exist.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { afterEach, describe, expect, it, vi } from "vitest";
import { runCli } from "../../../core/cli/program.ts";
import { ExtensionsFile } from "../../../core/contract/mod.ts";
import { parseManifest } from "../../../core/microapps/manifest.ts";
import { problemsOf } from "../../support/snippets.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const page = readFileSync(join(ROOT, "docs/microapps.md"), "utf8");
const blocks = (language: string): string[] =>
  Array.from(
    page.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, "g")),
    ([, text]) => text ?? "",
  );

afterEach(() => void vi.restoreAllMocks());

describe("docs/microapps.md", () => {
  it("shows code that compiles", { timeout: 120_000 }, async () => {
    const code = blocks("ts");
    expect(code.length).toBeGreaterThan(5);
    const mistake = 'import { nothing } from "nexo-microapps/sdk";\nnothing();';
    expect(await problemsOf([...code, mistake])).toEqual([
      expect.stringMatching(/^snippet_\d+\.ts\(\d+,\d+\): .*no exported member 'nothing'/),
    ]);
  });

  it("shows manifests and config without a mistake", () => {
    const manifests = blocks("toml");
    expect(manifests.length).toBeGreaterThan(1);
    for (const plugin of manifests) {
      expect(parseManifest({ plugin, agentVersion: "0.1.5" }).warnings, plugin).toEqual([]);
    }
    for (const text of blocks("yaml")) ExtensionsFile.parse(parse(text));
  });

  it("names commands and options that exist", async () => {
    const commands = blocks("sh").flatMap((block) => block.split("\n"))
      .flatMap((line) => /^npx nexo ([^#]+)/.exec(line)?.[1]?.trim() ?? []);
    expect(commands.length).toBeGreaterThan(10);
    for (const command of commands) {
      const [name = "", sub = ""] = command.split(" ");
      const words = name === "ext" ? [name, sub] : [name];
      let help = "";
      vi.spyOn(process.stdout, "write").mockImplementation((text) => (help += String(text), true));
      const code = await runCli(["node", "nexo", ...words, "--help"], {
        env: {},
        cwd: ROOT,
        packageRoot: ROOT,
        version: "0",
        signal: new AbortController().signal,
      });
      vi.restoreAllMocks();
      expect(code, command).toBe(0);
      expect(help, command).toContain(`Usage: nexo ${words.join(" ")}`);
      for (const option of command.match(/--[a-z-]+/g) ?? []) {
        expect(help, command).toContain(option);
      }
    }
  });
});

/**
 * docs/microapps.md: its code compiles, its manifests and config are right, its commands exist.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import ts from "typescript";
import { parse } from "yaml";
import { afterEach, describe, expect, it, vi } from "vitest";
import { runCli } from "../../../core/cli/program.ts";
import { ExtensionsFile } from "../../../core/contract/mod.ts";
import { parseManifest } from "../../../core/microapps/manifest.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const page = readFileSync(join(ROOT, "docs/microapps.md"), "utf8");
const blocks = (language: string): string[] =>
  Array.from(
    page.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, "g")),
    ([, text]) => text ?? "",
  );

afterEach(() => void vi.restoreAllMocks());

/** What the compiler has to say of each text, as if it were a file of this repository. */
function problemsOf(texts: readonly string[]): string[] {
  const config = ts.readConfigFile(join(ROOT, "tsconfig.json"), (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, ROOT);
  const files = new Map(
    texts.map((text, i) => [join(ROOT, `test/unit/docs/snippet_${i}.ts`), `${text}\nexport {};\n`]),
  );
  const host = ts.createCompilerHost({ ...options, noEmit: true });
  const { readFile, fileExists } = host;
  host.readFile = (path) => files.get(path) ?? readFile(path);
  host.fileExists = (path) => files.has(path) || fileExists(path);
  const { getSourceFile } = host;
  host.getSourceFile = (path, ...rest) => {
    const text = files.get(path);
    return text === undefined
      ? getSourceFile(path, ...rest)
      : ts.createSourceFile(path, text, ts.ScriptTarget.ES2023);
  };
  const program = ts.createProgram([...files.keys()], { ...options, noEmit: true }, host);
  return [...files.keys()].flatMap((path) => {
    const source = program.getSourceFile(path);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
      .map(({ messageText }) => `${path}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`);
  });
}

describe("docs/microapps.md", () => {
  it("shows code that compiles", { timeout: 120_000 }, () => {
    const code = blocks("ts");
    expect(code.length).toBeGreaterThan(5);
    const mistake = 'import { nothing } from "nexo-microapps/sdk";\nnothing();';
    expect(problemsOf([...code, mistake])).toEqual([
      expect.stringMatching(/snippet_\d+\.ts: .*no exported member 'nothing'/),
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

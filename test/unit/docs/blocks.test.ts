/**
 * Every fenced block of the documentation has a rule, and keeps to it.
 *
 * What `sh` shows is run by the tests of test/integration; everything else is judged here, by whoever reads
 * such a text in earnest.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parse as readToml, stringify as writeToml } from "smol-toml";
import { expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { Readiness } from "../../../core/contract/mod.ts";
import { parseManifest } from "../../../core/microapps/manifest.ts";
import { loadSettings } from "../../../core/settings/load.ts";
import { openApiDocument } from "../../../edge/openapi/document.ts";
import {
  type Block,
  blocksOf,
  pages,
  placeOf,
  ROOT,
  textAround,
} from "../../support/documented/blocks.ts";
import { problemsOf } from "../../support/snippets.ts";

/** What is wrong with blocks of one kind, each problem with its place. */
type Rule = (blocks: readonly Block[]) => readonly string[] | Promise<readonly string[]>;

const about = (block: Block, problem: string): string => `${placeOf(block)}: ${problem}`;
const each =
  (judge: (block: Block) => string | undefined | Promise<string | undefined>): Rule =>
  async (blocks) => {
    const found: string[] = [];
    for (const block of blocks) {
      const problem = await judge(block);
      if (problem !== undefined) found.push(about(block, problem));
    }
    return found;
  };

/** What a part of a manifest stands in. */
const MANIFEST = {
  plugin: { id: "shop", version: "0.1.0" },
  transport: { kind: "stdio", command: "node" },
  capabilities: { tools: ["find_price"] },
};

/** Rules by what stands after the opening fence. */
const RULES: Readonly<Record<string, Rule>> = {
  /** Run by test/integration/documented_commands.test.ts, or by the page's own test. */
  sh: each(({ text }) => shellProblem(text)),
  /** What a test cannot run: it changes the machine, or is the tests themselves. */
  "sh by-hand": each(({ text }) => shellProblem(text) ?? commandsProblem(text)),
  /** What a program prints, or a drawing. */
  text: () => [],
  ts: compiled,
  yaml: each(yamlProblem),
  toml: each(({ text }) => {
    const shown = readToml(text);
    const plugin = Object.hasOwn(shown, "plugin") ? text : writeToml({ ...MANIFEST, ...shown });
    const { warnings } = parseManifest({ plugin, agentVersion: "0.1.5" });
    return warnings.length === 0 ? undefined : warnings.join("; ");
  }),
  json: each(({ text }) => Readiness.safeParse(JSON.parse(text)).error?.message),
  html: each(({ text }) => {
    const [, path = ""] = /<script src="https:\/\/[a-z.]+(\/\S+)" async><\/script>\n$/.exec(text) ??
      [];
    const route = path.replace("/acme/", "/{instance}/");
    return Object.hasOwn(openApiDocument("0").paths, route) ? undefined : `no route "${route}"`;
  }),
  /** Held against the files it changes by test/unit/docs/channels.test.ts. */
  diff: each(({ page }) => page === "docs/channels.md" ? undefined : "nothing compares it"),
};

const all = pages().flatMap(blocksOf);
const kindOf = ({ language, mark }: Block): string => `${language} ${mark}`.trim();

it("every block of every page has a rule", () => {
  expect(all.length).toBeGreaterThan(100);
  const without = all.filter((block) => !Object.hasOwn(RULES, kindOf(block)));
  expect(without.map((block) => about(block, `no rule for "${kindOf(block)}"`))).toEqual([]);
  // Code may be indented instead of fenced in Markdown, and would escape.
  for (const page of pages()) expect(textAround(page), page).not.toMatch(/\n\s*\n {4,}\S/);
});

it.each(pages())("every table of %s has a head, and rows as long as it", (page) => {
  const tables = textAround(page).match(/^\|.*\n(?:\|.*\n)*/gm) ?? [];
  for (const table of tables) {
    const [head = "", line = "", ...rows] = table.trimEnd().split("\n");
    expect(line, head).toMatch(/^\|(?: *:?-+:? *\|)+$/);
    const cells = (row: string): number => row.match(/(?<!\\)\|/g)?.length ?? 0;
    for (const row of [line, ...rows]) expect(cells(row), row).toBe(cells(head));
  }
});

it.each(Object.keys(RULES))(
  "every block of `%s` keeps to its rule",
  { timeout: 120_000 },
  async (kind) => {
    const blocks = all.filter((block) => kindOf(block) === kind);
    expect(blocks).not.toEqual([]);
    expect(await RULES[kind]?.(blocks)).toEqual([]);
  },
);

it("the rules find what is wrong", { timeout: 120_000 }, async () => {
  const wrong: Readonly<Record<string, string>> = {
    sh: "nexo check |\n",
    "sh by-hand": "npm run nothing\n",
    ts: 'import { nothing } from "nexo-microapps/sdk";\nnothing();\n',
    yaml: "# extensions.yaml\nextensions: { entries: { shop: { timeout: 30 } } }\n",
    toml: '[sandbox]\nlevle = "auto"\n',
    json: '{"ready": "yes"}\n',
    html: '<script src="https://edge.example/chat/acme/gadget.js" async></script>\n',
    diff: "--- README.md\n",
  };
  expect(Object.keys(wrong).sort()).toEqual(
    Object.keys(RULES).filter((kind) => kind !== "text").sort(),
  );
  for (const [kind, text] of Object.entries(wrong)) {
    const [language = "", mark = ""] = kind.split(" ");
    const block = { page: "docs/wrong.md", line: 1, language, mark, text };
    expect(await RULES[kind]?.([block]), kind).toHaveLength(1);
  }
});

/** All in one run of the compiler; the one of docs/channels.md lies in the repository and is compiled there. */
async function compiled(blocks: readonly Block[]): Promise<string[]> {
  const own = blocks.filter(({ page }) => page !== "docs/channels.md");
  return (await problemsOf(own.map(({ text }) => text))).map((line) => {
    const [, index = ""] = /^snippet_(\d+)/.exec(line) ?? [];
    const block = own[Number(index)];
    return block === undefined ? line : about(block, line);
  });
}

const AGENT = { id: "ana", tenant_id: "acme", model: { provider: "offline", model: "rules" } };
const SOURCE = { id: "s", path: "/webhooks/s", secret_env: "SECRET" };
/** What a part of a file stands in: `# agents.yaml: of an agent`. */
const PARTS: Readonly<Record<string, (part: object, page: string) => unknown>> = {
  "agents.yaml: of an agent": (part) => ({ agents: [{ ...AGENT, ...part }] }),
  "webhook_receiver.yaml: of a source": (part, page) => ({
    sources: [{ ...SOURCE, preset: /(\w+)\.md$/.exec(page)?.[1], ...part }],
  }),
};
/** Good for every preset's form of a secret. */
const SECRET = Buffer.from("0123456789abcdef0123456789abcdef").toString("base64");

/** A file of the config is read by the loader itself, beside an agent and a tenant. */
async function yamlProblem({ text, page }: Block): Promise<string | undefined> {
  const [, what = ""] = /^# ([a-z_./]+\.ya?ml(?:: of an? \w+)?)(?:, .*)?\n/.exec(text) ?? [];
  if (what === "") return "the first line does not say which file it is";
  if (what === "prometheus.yml") return Prometheus.safeParse(parse(text)).error?.message;
  const file = what.replace(/:.*/, "");
  const part = PARTS[what];
  if (part === undefined && file !== what) return `nothing is known of "${what}"`;
  const dir = mkdtempSync(join(tmpdir(), "documented-"));
  const configDir = join(dir, "config");
  try {
    const files = {
      "agents.yaml": stringify({ agents: [AGENT] }),
      "tenants.yaml": "tenants: { acme: {}, globex: {} }\n",
      "mcp.yaml": "mcp: { servers: { desk: { url: https://desk.example/mcp } } }\n",
      "../secrets/crm_token": "token\n",
      [file]: part === undefined ? text : stringify(part(parse(text) as object, page)),
    };
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(configDir, name)), { recursive: true });
      await writeFile(join(configDir, name), content);
    }
    const { problems } = await loadSettings({
      configDir,
      env: { NEXO_HOME: dir },
      secretOf: () => SECRET,
    });
    const found = problems.map(({ path, message }) => `${path.join(".")}: ${message}`);
    return found.length === 0 ? undefined : found.join("; ");
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const Targets = z.array(
  z.strictObject({ targets: z.array(z.string().regex(/^[\w.-]+(?::\d+)?$/)) }),
);
/** As much of Prometheus' configuration as our pages show. */
const Prometheus = z.strictObject({
  scrape_configs: z.array(z.strictObject({
    job_name: z.string(),
    scheme: z.enum(["http", "https"]).optional(),
    authorization: z.strictObject({ credentials_file: z.string() }).optional(),
    static_configs: Targets.optional(),
    file_sd_configs: z.array(z.strictObject({ files: z.array(z.string()) })).optional(),
  })),
});

function shellProblem(text: string): string | undefined {
  try {
    execFileSync("bash", ["-n"], { input: text, stdio: ["pipe", "ignore", "pipe"] });
    return undefined;
  } catch (error) {
    return String((error as { stderr?: Buffer }).stderr);
  }
}

/** Programs of any machine. */
const SYSTEM = new Set(["cp", "install", "tar", "useradd"]);

/** The first command that names something which is not here. */
function commandsProblem(text: string): string | undefined {
  const { scripts, name } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
    name: string;
  };
  const units = readdirSync(join(ROOT, "docs/deploy")).map((file) =>
    file.replace(/\.service$/, "")
  );
  const isThere = (path: string): boolean => existsSync(join(ROOT, path));
  const commands = text.replaceAll("\\\n", " ").replaceAll(/#.*$/gm, "").split(/\n|&&|;/)
    .map((line) => line.trim()).filter((line) => line !== "");
  for (const command of commands) {
    const [program = "", ...words] = command.split(/\s+/);
    const [verb = ""] = words;
    const isKnown = program === "npm"
      ? verb === "run"
        ? Object.hasOwn(scripts, words[1] ?? "")
        : verb === "install"
        ? words.at(-1)?.replace(/@\w+$/, "") === name
        : verb === "ci" || Object.hasOwn(scripts, verb)
      : program === "npx"
      ? isThere(`node_modules/.bin/${verb}`)
      : program === "systemctl"
      ? words.slice(1).filter((word) => !word.startsWith("-")).every((unit) => units.includes(unit))
      : SYSTEM.has(program);
    if (!isKnown) return `nothing is known of "${command}"`;
    const missing = words.find((word) => /^(?:docs|test|core|edge)\//.test(word) && !isThere(word));
    if (missing !== undefined) return `"${missing}" is not there`;
  }
  return undefined;
}

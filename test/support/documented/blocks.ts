/**
 * The pages of the documentation and the fenced blocks on them.
 *
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** The repository. */
export const ROOT = resolve(import.meta.dirname, "../../..");

/** What stands between two fences. */
export interface Block {
  /** The page, relative to the repository. */
  readonly page: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
  /** The first word after the opening fence; empty when there is none. */
  readonly language: string;
  /** The words after it. */
  readonly mark: string;
  /** Without the indentation of the fence. */
  readonly text: string;
}

/** Every page, relative to the repository, in the order of their names. */
export function pages(): string[] {
  const below = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md")).map((name) => join("docs", name));
  return ["README.md", "CONTRIBUTING.md", ...below.sort()];
}

/** The blocks of a page, from top to bottom. @throws {SyntaxError} when one has no end */
export function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let open: { line: number; indent: string; info: string; lines: string[] } | undefined;
  readFileSync(join(ROOT, page), "utf8").split("\n").forEach((line, i) => {
    const [, indent = "", info] = /^( *)```(.*)$/.exec(line) ?? [];
    if (open === undefined) {
      if (info !== undefined) open = { line: i + 1, indent, info: info.trim(), lines: [] };
      return;
    }
    if (info !== "") return void open.lines.push(line.replace(open.indent, ""));
    const [language = "", ...mark] = open.info.split(/\s+/);
    const text = open.lines.map((each) => `${each}\n`).join("");
    blocks.push({ page, line: open.line, language, mark: mark.join(" "), text });
    open = undefined;
  });
  if (open !== undefined) throw new SyntaxError(`${page}:${open.line}: the block has no end`);
  return blocks;
}

/** A page without its blocks. */
export function textAround(page: string): string {
  return readFileSync(join(ROOT, page), "utf8").replaceAll(/^( *)```[^]*?^\1```$/gm, "");
}

/** Where a block is, for people. */
export const placeOf = ({ page, line }: Block): string => `${page}:${line}`;

/** Whose commands are run with what the page itself tells around them, by a test of its own. */
const OWN_TESTS: Readonly<Record<string, string>> = {
  "docs/build-a-saas.md": "test/integration/build_a_saas.test.ts",
  "docs/providers/": "test/integration/provider_docs.test.ts",
};

/** Whether the commands of a page are run by a test of its own. */
export function hasOwnTest(page: string): boolean {
  return Object.keys(OWN_TESTS).some((place) => page.startsWith(place));
}

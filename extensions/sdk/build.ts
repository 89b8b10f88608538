/**
 * Lets the built modules of what others import tell their types to TypeScript and to Deno.
 *
 * TypeScript writes `./x.ts` into declarations and, unless it skips the check of libraries, will not read that
 * again: they name the modules they describe instead, `./x.js`. Deno takes such a name for the JavaScript
 * alone, so each module says itself where its declarations are.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

const ROOT = join(import.meta.dirname, "../../dist");
const SHARED = ["core/contract", "edge/client", "extensions/sdk"];
const relativeSource = /((?:from|import)\s*\(?\s*"\.{1,2}\/[^"]+?)(?:\.d)?\.tsx?"/g;

/** The files below `dir` whose names end so. */
async function filesIn(dir: string, end: string): Promise<string[]> {
  const names = await readdir(join(ROOT, dir), { recursive: true });
  return names.filter((name) => name.endsWith(end)).map((name) => join(ROOT, dir, name));
}

async function change(file: string, edit: (text: string) => string): Promise<void> {
  const before = await readFile(file, "utf8");
  const after = edit(before);
  if (after !== before) await writeFile(file, after);
}

/** One line more at the beginning; the map of a module that has it already stays as it is. */
async function nameTypes(module: string): Promise<void> {
  const types = `// @ts-self-types="./${basename(module, ".js")}.d.ts"\n`;
  if ((await readFile(module, "utf8")).startsWith(types)) return;
  await change(module, (text) => types + text);
  await change(`${module}.map`, (text) => text.replace('"mappings":"', '"mappings":";'));
}

for (const file of await filesIn(".", ".d.ts")) {
  await change(file, (text) => text.replace(relativeSource, '$1.js"'));
}
for (const dir of SHARED) {
  for (const module of await filesIn(dir, ".js")) {
    if (existsSync(module.replace(/js$/, "d.ts"))) await nameTypes(module);
  }
}

/**
 * Lets declarations name each other. TypeScript writes `./x.ts` into them and reads that as `./x.d.ts`;
 * Deno looks for the very file, so that it would know no types of a linked package.
 *
 * @module
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../../dist");
const relativeSource = /((?:from|import)\s*\(?\s*"\.{1,2}\/[^"]+?)(?<!\.d)\.tsx?"/g;

for (const name of await readdir(ROOT, { recursive: true })) {
  if (!name.endsWith(".d.ts")) continue;
  const file = join(ROOT, name);
  const before = await readFile(file, "utf8");
  const after = before.replace(relativeSource, '$1.d.ts"');
  if (after !== before) await writeFile(file, after);
}

/**
 * Which packages a compiled file imports.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { pathToFileURL } from "node:url";

/** `import … from "x"`, `import "x"` and `export … from "x"`, as the compiler writes them. */
const IMPORT = /^(?:import|export)\s(?:[^'"()]*?\sfrom\s)?["']([^"']+)["']/gm;

/** What `files` and all that they import statically import from packages, sorted. */
export async function packagesOf(files: readonly string[]): Promise<string[]> {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const open = files.map((file) => pathToFileURL(file).href);
  for (let url = open.pop(); url !== undefined; url = open.pop()) {
    if (seen.has(url)) continue;
    seen.add(url);
    const text = await readFile(new URL(url), "utf8");
    for (const [, name = ""] of text.matchAll(IMPORT)) {
      if (name.startsWith(".")) open.push(new URL(name, url).href);
      else if (!isBuiltin(name)) packages.add(name);
    }
  }
  return [...packages].toSorted();
}

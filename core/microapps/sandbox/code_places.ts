/**
 * The directories with code that a confined microapp must be able to read.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isWithin, type SandboxPlace } from "./place.ts";
import type { Runtime } from "./runtime.ts";

const exists = (path: string): Promise<boolean> => stat(path).then(() => true, () => false);

/** What of a {@linkcode SandboxPlace} lies outside the microapp's own directory. */
type Readable = Pick<SandboxPlace, "readable" | "readableFiles">;
const NOTHING: Readable = { readable: [], readableFiles: [] };

/** `dir` and every directory above it. */
function upwards(dir: string): string[] {
  const above = dirname(dir);
  return above === dir ? [dir] : [dir, ...upwards(above)];
}

/** Where this program is installed: the directory above this file that has a `package.json`. */
export function findInstallDir(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  return upwards(here).find((dir) => existsSync(join(dir, "package.json"))) ?? here;
}

/** The `node_modules` that Node looks into from `dir`. */
async function moduleDirs(dir: string): Promise<string[]> {
  const dirs = upwards(dir).map((each) => join(each, "node_modules"));
  const found = await Promise.all(dirs.map(exists));
  return dirs.filter((_, at) => found[at]);
}

/** Packages that are links, as `npm install` makes them for `file:` dependencies. */
async function linkedPackages(modules: string): Promise<string[]> {
  const linked: string[] = [];
  for (const entry of await readdir(modules, { withFileTypes: true }).catch(() => [])) {
    const path = join(modules, entry.name);
    if (entry.name.startsWith("@") && entry.isDirectory()) {
      linked.push(...await linkedPackages(path));
    } else if (entry.isSymbolicLink()) {
      const target = await realpath(path).catch(() => null);
      if (target !== null) linked.push(target);
    }
  }
  return linked;
}

/**
 * Code outside `root` that its imports lead to: what this installation offers to microapps, packages
 * of directories above, and linked packages. Only JavaScript looks outside its directory.
 */
export async function readableCode(
  { root, runtime, installDir }: {
    readonly root: string;
    readonly runtime: Runtime;
    /** Where this program is installed, with its `package.json` and `dist`. */
    readonly installDir: string;
  },
): Promise<Readable> {
  if (runtime.kind !== "node" && runtime.kind !== "deno") return NOTHING;
  const own = ["package.json", "dist", "node_modules"].map((name) => join(installDir, name));
  const modules = await moduleDirs(root);
  const linked = (await Promise.all(modules.map(linkedPackages))).flat()
    // What it would share beside its code is not the microapp's business.
    .filter((path) => path !== installDir && !isWithin(path, installDir));
  const around = await Promise.all(
    [installDir, ...linked].map((path) => moduleDirs(dirname(path))),
  );
  const all = [...own, ...modules, ...linked, ...around.flat()];
  const real = await Promise.all(all.map((path) => realpath(path).catch(() => null)));
  return sortPaths([...all, ...real].filter((path) => path !== null && !isWithin(root, path)));
}

/** Tells directories from files; what is not there is left out. */
export async function sortPaths(paths: readonly (string | null)[]): Promise<Readable> {
  const distinct = [...new Set(paths)].filter((path) => path !== null);
  const found = await Promise.all(distinct.map((path) => stat(path).catch(() => null)));
  return {
    readable: distinct.filter((_, at) => found[at]?.isDirectory() === true),
    readableFiles: distinct.filter((_, at) => found[at]?.isFile() === true),
  };
}

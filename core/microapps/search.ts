/**
 * Walks a search path for microapps.
 *
 * @module
 */
import { readdir, realpath } from "node:fs/promises";
import { join, sep } from "node:path";
import { messageOf } from "../contract/mod.ts";
import type { ExtensionsConfig } from "./candidate.ts";
import type { Report } from "./diagnostics.ts";
import { installedDir } from "./installed.ts";
import { isDirectory } from "./read_microapp.ts";
import { isWithin } from "./sandbox/place.ts";

const IGNORED = ["target", ".git", "node_modules", "dist", ".build"];

/** Directories with a `plugin.toml`, in name order; none inside another. */
export async function rootsBelow(
  top: string,
  { config, homeDir }: { config: ExtensionsConfig; homeDir?: string | undefined },
  report: Report,
): Promise<string[]> {
  const ignored = new Set(config.ignore_dirs ?? IGNORED);
  const maxDepth = config.max_depth ?? 3;
  const followLinks = config.follow_links === true;
  const roots: string[] = [];
  const visited = new Set<string>();
  const installed = homeDir === undefined
    ? undefined
    : await realpath(installedDir(homeDir)).catch(() => undefined); // nothing is installed yet
  let realTop: string;
  try {
    realTop = await realpath(top);
  } catch (error) {
    report("warn", "Read", top, `the search path cannot be read: ${messageOf(error)}`);
    return [];
  }

  async function walk(dir: string, depth: number): Promise<void> {
    const real = await realpath(dir);
    if (visited.has(real)) return;
    visited.add(real);
    // What lies in there is found by rules of its own: microapps can write to part of it.
    if (installed !== undefined && isWithin(installed, real)) return;
    const entries = await readdir(dir, { withFileTypes: true });
    const manifest = entries.find(({ name }) => name === "plugin.toml");
    if (manifest !== undefined) {
      const target = await realpath(join(dir, "plugin.toml"));
      if (followLinks || target.startsWith(realTop + sep)) roots.push(dir);
      else report("error", "OutsideRoot", dir, "plugin.toml lies outside; see follow_links");
      return;
    }
    if (depth >= maxDepth) return;
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (ignored.has(entry.name)) continue;
      const path = join(dir, entry.name);
      if (entry.isSymbolicLink()) {
        if (!followLinks) {
          report("warn", "LinkSkipped", path, "a link is not followed without follow_links: true");
          continue;
        }
        if (!(await isDirectory(path))) continue;
      } else if (!entry.isDirectory()) continue;
      try {
        await walk(path, depth + 1);
      } catch (error) {
        report("warn", "Read", path, messageOf(error));
      }
    }
  }

  try {
    await walk(top, 0);
  } catch (error) {
    report("warn", "Read", top, messageOf(error));
  }
  return roots;
}

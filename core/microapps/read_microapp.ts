/**
 * Reads what a place holds: a directory with a manifest, or one script.
 *
 * @module
 */
import { access, readFile, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { messageOf } from "../contract/mod.ts";
import type { Report } from "./diagnostics.ts";
import { type Manifest, parseManifest } from "./manifest.ts";

const INTERPRETERS: Readonly<Record<string, string>> = {
  ".js": "node",
  ".mjs": "node",
  ".cjs": "node",
  ".py": "python3",
};

/** Whether a path leads to a directory, by a link or not. */
export function isDirectory(path: string): Promise<boolean> {
  return stat(path).then((found) => found.isDirectory(), () => false);
}

/** The microapp in a directory; null, and a diagnostic, when it holds none that can be used. */
export async function readRoot(
  root: string,
  { agentVersion }: { agentVersion: string },
  report: Report,
): Promise<Manifest | null> {
  const path = join(root, "plugin.toml");
  try {
    const plugin = await readFile(path, "utf8");
    const sidecar = await readFile(join(root, "nexo-plugin.toml"), "utf8").catch(() => undefined);
    const mcpJson = await readFile(join(root, ".mcp.json"), "utf8").catch(() => undefined);
    const { manifest, warnings } = parseManifest({ plugin, sidecar, mcpJson, agentVersion });
    for (const warning of warnings) report("warn", "Manifest", path, warning);
    return manifest;
  } catch (error) {
    const message = messageOf(error);
    report("error", /^[A-Z][A-Za-z]+(?=: )/.exec(message)?.[0] ?? "Read", path, message);
    return null;
  }
}

/** The microapp at `entries.<id>.path`: a directory with a manifest, or one script. */
export async function readExplicit(
  id: string,
  path: string,
  deps: { agentVersion: string },
  report: Report,
): Promise<{ root: string; manifest: Manifest } | null> {
  if (basename(path) === "plugin.toml" || await isDirectory(path)) {
    const root = basename(path) === "plugin.toml" ? dirname(path) : path;
    const manifest = await readRoot(root, deps, report);
    if (manifest === null) return null;
    if (manifest.id === id) return { root, manifest };
    report("error", "IdMismatch", root, `entries.${id}.path leads to "${manifest.id}"`);
    return null;
  }
  try {
    await access(path);
    const interpreter = INTERPRETERS[extname(path)];
    const [command, args] = interpreter === undefined ? [path, []] : [interpreter, [path]];
    const plugin = `[plugin]\nid = ${JSON.stringify(id)}\nversion = "0.0.0"\n` +
      `[plugin.entrypoint]\ncommand = ${JSON.stringify(command)}\nargs = ${JSON.stringify(args)}\n`;
    const { manifest } = parseManifest({ plugin, agentVersion: deps.agentVersion });
    return { root: dirname(path), manifest };
  } catch (error) {
    report("error", "Read", path, messageOf(error));
    return null;
  }
}

/**
 * The reference microapp as somebody who cloned it has it: in a directory of its own, on a port of its own.
 *
 * @module
 */
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");

/** What `npm install` would bring, beside the SDK. */
const PACKAGES = ["hono", "@libsql/client", "age-encryption", "lru-cache"];

/** Copies the built microapp to `to`. `npm run build` must have been run. */
export async function cloneAgentCreator(to: string, { port }: { port: number }): Promise<void> {
  await cp(join(ROOT, "extensions/agent-creator"), to, {
    recursive: true,
    filter: (path) => !path.includes("node_modules"),
  });
  const manifest = join(to, "plugin.toml");
  const text = await readFile(manifest, "utf8");
  await writeFile(manifest, text.replace(/^port = \d+$/m, `port = ${port}`));
  const modules = join(to, "node_modules");
  for (const name of PACKAGES) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(ROOT, "node_modules", name), join(modules, name));
  }
  await symlink(ROOT, join(modules, "nexo-microapps"));
}

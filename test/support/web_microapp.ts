/**
 * The microapp `web`, which serves HTTP, for a daemon of its own process.
 *
 * @module
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { freePort, httpServerToml } from "./apps.ts";
import type { DaemonPlace, RunningDaemon } from "./daemon.ts";

const CHILD = resolve(import.meta.dirname, "microapps/serves_http.mjs");

/** Installs it, before the daemon starts; `entry` is more of its block in `extensions.yaml`. */
export async function installWeb(
  { configDir, writeConfig }: DaemonPlace,
  { entry = "", toml = "" }: { entry?: string; toml?: string } = {},
): Promise<{ readonly port: number }> {
  const port = await freePort();
  const root = join(configDir, "web");
  await mkdir(root, { recursive: true });
  await writeFile(
    join(root, "plugin.toml"),
    `[plugin]\nid = "web"\nversion = "1.0.0"\n[plugin.entrypoint]\n` +
      `command = ${JSON.stringify(process.execPath)}\n` +
      `args = ${JSON.stringify([CHILD, String(port)])}\n${httpServerToml(port)}${toml}`,
  );
  await writeConfig(
    "extensions.yaml",
    `extensions:\n  search_paths: []\n  entries:\n    web:\n      path: ./web\n${entry}`,
  );
  return { port };
}

/** Resolves when its server may be routed to. */
export async function webReady({ call }: Pick<RunningDaemon, "call">): Promise<void> {
  for (;;) {
    const { microapps } = await call<{
      microapps: { id: string; http: { state: string } | null }[];
    }>("ext/status");
    if (microapps.find(({ id }) => id === "web")?.http?.state === "ready") return;
    await new Promise((done) => setTimeout(done, 20));
  }
}

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

/** Installs it, before the daemon starts; and, with the same program, others by these names. */
export async function installWeb(
  { configDir, writeConfig }: DaemonPlace,
  others: readonly string[] = [],
): Promise<void> {
  const entries: string[] = [];
  for (const id of ["web", ...others]) {
    const port = await freePort();
    const root = join(configDir, id);
    await mkdir(root, { recursive: true });
    await writeFile(
      join(root, "plugin.toml"),
      `[plugin]\nid = "${id}"\nversion = "1.0.0"\n[plugin.entrypoint]\n` +
        `command = ${JSON.stringify(process.execPath)}\n` +
        `args = ${JSON.stringify([CHILD, String(port)])}\n${httpServerToml(port)}` +
        `[capabilities.admin]\noptional = ["auth_rotate"]\n`,
    );
    entries.push(`    ${id}:\n      path: ./${id}\n      capabilities_grant: [auth_rotate]\n`);
  }
  await writeConfig(
    "extensions.yaml",
    `extensions:\n  search_paths: []\n  entries:\n${entries.join("")}`,
  );
}

/** Resolves when every server may be routed to. */
export async function webReady({ call }: Pick<RunningDaemon, "call">): Promise<void> {
  for (;;) {
    const { microapps } = await call<{
      microapps: { http: { state: string } | null }[];
    }>("ext/status");
    if (microapps.every(({ http }) => http?.state === "ready")) return;
    await new Promise((done) => setTimeout(done, 20));
  }
}

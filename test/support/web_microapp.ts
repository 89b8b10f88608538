/**
 * Microapps that serve HTTP, for a daemon of its own process.
 *
 * @module
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { httpServerToml } from "./apps.ts";
import { freePort } from "./free_port.ts";
import type { DaemonPlace, RunningDaemon } from "./daemon.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const CHILDREN = join(import.meta.dirname, "microapps");

/** What starts a microapp that listens on `port`. */
type Start = (port: number) => readonly [command: string, ...args: string[]];

/** By hand: `serves_http.mjs`. */
export const byHand: Start = (port) => [
  process.execPath,
  join(CHILDREN, "serves_http.mjs"),
  String(port),
];

/** With the SDK, on Node as it was built and on Deno as it is written: `sdk_web.mjs`. */
export const withSdk: Readonly<Record<"node" | "deno", Start>> = {
  node: () => [
    process.execPath,
    join(CHILDREN, "sdk_web.mjs"),
    join(ROOT, "dist/extensions/sdk"),
    ".js",
  ],
  deno: () => [
    join(ROOT, "node_modules/deno/deno"),
    "run",
    "--no-prompt",
    "--allow-all",
    join(CHILDREN, "sdk_web.mjs"),
    join(ROOT, "extensions/sdk"),
    ".ts",
  ],
};

/** Installs microapps by their ids, before the daemon starts. */
export async function installWeb(
  { configDir, writeConfig }: DaemonPlace,
  microapps: Readonly<Record<string, Start>>,
): Promise<void> {
  const entries: string[] = [];
  for (const [id, start] of Object.entries(microapps)) {
    const port = await freePort();
    const [command, ...args] = start(port);
    const root = join(configDir, id);
    await mkdir(root, { recursive: true });
    await writeFile(
      join(root, "plugin.toml"),
      `[plugin]\nid = "${id}"\nversion = "1.0.0"\n[plugin.entrypoint]\n` +
        `command = ${JSON.stringify(command)}\nargs = ${JSON.stringify(args)}\n` +
        httpServerToml(port) +
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

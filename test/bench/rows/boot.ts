/**
 * How long `nexo core` takes to be ready with ten microapps, against the same packages imported and the
 * same children started with nothing around them.
 *
 * @module
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { openBootSide } from "../boot_side.ts";
import { packagesOf } from "../packages.ts";
import type { Row, Workshop } from "../row.ts";
import { makeConfig, WEBHOOK_ENV } from "../webhook.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const MICROAPPS = 10;

const echoOf = (workshop: Workshop): string =>
  workshop.compiled(import.meta.resolve("../servers/echo_microapp.ts"));

/** Microapps as they are installed, confined as far as this machine allows. */
async function addMicroapps(configDir: string, program: string): Promise<void> {
  const entries: Record<string, { path: string }> = {};
  for (let n = 0; n < MICROAPPS; n++) {
    const id = `echo-${n}`;
    entries[id] = { path: `./${id}` };
    await mkdir(join(configDir, id));
    await writeFile(
      join(configDir, id, "plugin.toml"),
      `[plugin]\nid = "${id}"\nversion = "1.0.0"\n[plugin.entrypoint]\n` +
        `command = ${JSON.stringify(process.execPath)}\nargs = ${JSON.stringify([program])}\n`,
    );
  }
  const extensions = { search_paths: [], entries };
  await writeFile(join(configDir, "extensions.yaml"), JSON.stringify({ extensions }));
}

export const boot: Row = {
  name: "boot",
  unit: "milliseconds until ready",
  target: { atMost: 1.5 },
  quick: false,
  async ours(workshop) {
    const { configDir, home } = await makeConfig(workshop.dir);
    await addMicroapps(configDir, echoOf(workshop));
    return openBootSide({
      file: workshop.compiled(import.meta.resolve("../servers/nexo.ts")),
      args: [ROOT, "core", "--config", configDir],
      env: { ...WEBHOOK_ENV, NEXO_HOME: home, NEXO_LOG: "info" },
      ready: {
        line: /^nexo core is ready|"message":"microapp\.ready"/,
        times: 1 + MICROAPPS,
      },
      failed: /"message":"microapp\.(?:restarting|failed)"/,
    });
  },
  async theirs(workshop) {
    const packages = await packagesOf([
      workshop.compiled(import.meta.resolve("../../../core/cli/program.ts")),
      // Loaded by its subcommand.
      workshop.compiled(import.meta.resolve("../../../core/cli/run.ts")),
    ]);
    return openBootSide({
      file: workshop.compiled(import.meta.resolve("../servers/children_by_hand.ts")),
      args: [echoOf(workshop), String(MICROAPPS), ...packages],
      ready: { line: /^ready$/, times: 1 },
    });
  },
};

/**
 * A config directory of its own for each test.
 *
 * @module
 */
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type LoadOptions, loadSettings } from "../../../../core/settings/load.ts";
import type { Problem } from "../../../../core/settings/problems.ts";

/** A minimal `agents.yaml`. */
export const ONE_AGENT = "agents:\n  - id: ana\n    model: { provider: offline, model: rules }\n";

/** Files below a fresh directory whose `config` is the config directory; removed when disposed. */
export async function configDir(files: Readonly<Record<string, string>>) {
  const home = await realpath(await mkdtemp(join(tmpdir(), "nexo-settings-")));
  const dir = join(home, "config");
  await mkdir(dir);
  for (const [name, text] of Object.entries(files)) {
    const file = join(dir, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  return {
    home,
    dir,
    load: (env: LoadOptions["env"] = {}) =>
      loadSettings({ configDir: dir, env: { NEXO_HOME: join(home, ".nexo"), ...env } }),
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  };
}

/** `agents.yaml:2:5 error` and the message, for comparing. */
export function summary(problems: readonly Problem[], dir: string): string[] {
  return problems.map(({ file, line, column, severity, message }) =>
    `${file.replace(`${dir}/`, "")}:${line}:${column} ${severity} ${message}`
  );
}

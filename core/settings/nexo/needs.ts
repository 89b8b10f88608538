/**
 * What imported files still need, from the mouth of the loader that will read them.
 *
 * @module
 */
import { join, relative } from "node:path";
import { ConfigError } from "../config_error.ts";
import { loadSettings } from "../load.ts";
import type { Problem } from "../problems.ts";
import type { Plan } from "./plan.ts";

/** Something to set or to mend before everything works. */
export interface ImportNeed {
  readonly what: string;
  readonly fix: string;
}

/**
 * Loads the files in `staging`; variables that are not set must not hide the rest.
 *
 * @throws {ConfigError} with the places in the home
 */
export async function needsOf(
  staging: string,
  { home, configDir, notes }: Plan,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ImportNeed[]> {
  const load = (standIns: Readonly<Record<string, string>>) =>
    loadSettings({ configDir: staging, env: { ...env, ...standIns } });
  const unset = new Map<string, Problem>();
  for (const problem of (await load({})).problems) {
    const [, name] = /environment variable "([^"]+)" is not set$/.exec(problem.message) ?? [];
    if (name !== undefined) unset.set(name, problem);
  }
  const standIns = Object.fromEntries([...unset.keys()].map((name) => [name, `\${${name}}`]));
  const { problems } = await load(standIns);
  const blocking = problems.filter((problem) => problem.blocking && problem.severity === "error");
  if (blocking.length > 0) {
    const back = (file: string): string => join(configDir, relative(staging, file));
    const shown = blocking.map((problem) => ({ ...problem, file: back(problem.file) }));
    throw new ConfigError(configDir, shown);
  }
  for (const { severity, file, line, message, fix } of problems) {
    if (severity !== "warning" || isNeed(message)) continue;
    const place = `${relative(home, configDir) || "."}/${relative(staging, file)}:${line}`;
    notes.could_not.push({ file: place, what: message, fix });
  }
  return [
    ...[...unset.values()].map(({ message, fix }) => ({ what: message, fix })),
    ...problems.filter(({ severity, message }) => severity === "error" || isNeed(message))
      .map(({ message, fix }) => ({ what: message, fix })),
  ];
}

/** Whether a warning is about a secret that is still to come. */
function isNeed(message: string): boolean {
  return /^source "[^"]+": secret /.test(message);
}

/**
 * What a skill needs of the machine: programs, their versions, variables.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { access, constants, stat } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { meetsVersion } from "../microapps/semver.ts";
import type { Skill } from "./skill_files.ts";

const run = promisify(execFile);
/** How long a program may take to say its version, in milliseconds. */
const VERSION_TIMEOUT_MS = 2_000;
const MAX_OUTPUT_BYTES = 64 * 1024;

/** Says what of a skill's needs is missing, for people. */
export type SkillGates = (skill: Pick<Skill, "requires">) => Promise<string[]>;

/** Returns the gates of this machine. A program is asked for its version once, until it changes. */
export function createSkillGates(
  { env }: { readonly env: Readonly<Record<string, string | undefined>> },
): SkillGates {
  const dirs = (env["PATH"] ?? "").split(delimiter).filter((dir) => dir !== "");
  const versions = new Map<string, Promise<string | undefined>>();

  async function find(bin: string): Promise<string | undefined> {
    for (const dir of dirs) {
      const path = join(dir, bin);
      if (await access(path, constants.X_OK).then(() => true, () => false)) return path;
    }
    return undefined;
  }

  async function versionOf(path: string): Promise<string | undefined> {
    const key = `${path} ${(await stat(path)).mtimeMs}`;
    const known = versions.get(key) ?? askVersion(path, dirs);
    versions.set(key, known);
    return known;
  }

  async function meets(bin: string, wanted: string): Promise<boolean> {
    const path = await find(bin);
    const own = path === undefined ? undefined : await versionOf(path);
    return own !== undefined && meetsVersion(own, wanted) === true;
  }

  return async function missing({ requires: { bins, bin_versions = {}, env: names } }) {
    const found = await Promise.all(bins.map(find));
    const ranges = await Promise.all(
      Object.entries(bin_versions).map(async ([bin, wanted]) =>
        await meets(bin, wanted) ? [] : [`${bin} ${wanted}`]
      ),
    );
    return [
      ...bins.filter((_, i) => found[i] === undefined),
      ...ranges.flat(),
      ...names.filter((name) => (env[name] ?? "") === ""),
    ];
  };
}

/** The first version in what a program says of itself; undefined when it says none in time. */
async function askVersion(path: string, dirs: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await run(path, ["--version"], {
      timeout: VERSION_TIMEOUT_MS,
      killSignal: "SIGKILL",
      maxBuffer: MAX_OUTPUT_BYTES,
      env: { PATH: dirs.join(delimiter) },
    });
    const [, version, patch = ".0"] = /(\d+\.\d+)(\.\d+)?/.exec(stdout + stderr) ?? [];
    return version === undefined ? undefined : version + patch;
  } catch {
    return undefined; // a program that cannot say its version has none that would do
  }
}

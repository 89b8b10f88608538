/**
 * A change to config files before it is made: texts that are not on disk yet.
 *
 * @module
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CodedError, messageOf } from "../contract/mod.ts";
import type { Settings } from "./settings.ts";
import { readYaml } from "./yaml_file.ts";
import { patchYaml } from "./yaml_patch.ts";

/** Config files under change; names are relative to the config directory. */
export interface ConfigDraft {
  /**
   * What a file says as it is written, placeholders and all, as a copy of the caller's own; null
   * when there is no such file or nothing in it.
   *
   * @throws {CodedError} `config_invalid` when it is no YAML
   */
  readonly read: (name: string) => Promise<unknown>;
  /** Makes a file say `wanted`; everything else in it stays as it is. See `patchYaml`. */
  readonly write: (name: string, wanted: unknown) => Promise<void>;
  /** `agents.yaml`, then the files of `agents.d` in the order of their names. */
  readonly agentFiles: () => Promise<string[]>;
}

/** One file as it is and as it shall be. */
export interface FileChange {
  /** Absolute. */
  readonly file: string;
  /** Undefined when there is no file yet. */
  readonly before: string | undefined;
  readonly after: string;
}

/** What a change led to. */
export interface Changed<T> {
  /** What the edit returned. */
  readonly result: T;
  /** The settings in force after it. */
  readonly settings: Settings;
  /** Whether any file differs from before. */
  readonly changed: boolean;
}

/**
 * Changes config files: `edit` writes the draft, and `check` sees the settings that would come of it
 * and may still refuse by throwing. Both run again when a person saved a file meanwhile.
 *
 * The whole config is checked before the first file is replaced, and the files are put back when the
 * new settings cannot be applied.
 *
 * @throws {ConfigError} when the files are wrong, or would be
 * @throws {CodedError} `conflict` when people keep saving the same files, `config_unwritable`
 */
export type ChangeConfig = <T>(
  edit: (draft: ConfigDraft) => Promise<T>,
  check?: (next: Settings, result: T) => void,
) => Promise<Changed<T>>;

/** A draft over the files in `configDir`, and the changes written to it so far. */
export function openDraft(
  configDir: string,
): ConfigDraft & { readonly changes: () => FileChange[] } {
  const files = new Map<string, { before: string | undefined; after: string | undefined }>();

  async function open(name: string) {
    const file = join(configDir, name);
    const known = files.get(file);
    if (known !== undefined) return known;
    const text = await readText(file);
    const opened = { before: text, after: text };
    files.set(file, opened);
    return opened;
  }

  return {
    async read(name) {
      const { after } = await open(name);
      if (after === undefined) return null;
      const { value, problems: [problem] } = readYaml(join(configDir, name), after);
      if (problem === undefined) return value;
      throw new CodedError(
        "config_invalid",
        `Cannot change ${problem.file}:${problem.line}: ${problem.message}`,
      );
    },
    async write(name, wanted) {
      const opened = await open(name);
      opened.after = patchYaml(opened.after ?? "", wanted);
    },
    async agentFiles() {
      const dropIns = await readdir(join(configDir, "agents.d")).catch(() => []);
      return [
        "agents.yaml",
        ...dropIns.filter(isDropIn).toSorted().map((name) => `agents.d/${name}`),
      ];
    },
    changes: () =>
      [...files].flatMap(([file, { before, after }]) =>
        after === undefined || after === before ? [] : [{ file, before, after }]
      ),
  };
}

/** Whether a file of `agents.d` counts. */
export function isDropIn(name: string): boolean {
  return /\.ya?ml$/.test(name) && !/\.example\.ya?ml$/.test(name);
}

/** The text of a file, undefined when there is none. */
export async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new CodedError("config_unwritable", `yaml read failed: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

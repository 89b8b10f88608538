/**
 * The settings in force: loaded, checked, swapped as a whole.
 *
 * @module
 */
import { CodedError } from "../contract/mod.ts";
import { loadSettings } from "../settings/load.ts";
import type { Problem } from "../settings/problems.ts";
import { createSecretReader, defaultSecretsDirs, findSecret } from "../settings/secrets.ts";
import type { Settings } from "../settings/settings.ts";

/** The settings of a running daemon. */
export interface LiveSettings {
  readonly current: () => Settings;
  /** What the files in force are warned of, one line each. */
  readonly warnings: () => string[];
  /** A secret by its name; looked up anew each time, so that a rotated one counts at a reload. */
  readonly secretOf: (name: string) => string | undefined;
  /** Loads the files again; bad ones change nothing. @throws {ConfigError} */
  readonly reload: () => Promise<Settings>;
  /** Hears of each new snapshot once it is in force. */
  readonly onChange: (listener: (settings: Settings) => void) => void;
}

/** Config files that stop a start or a reload. */
export class ConfigError extends CodedError {
  readonly configDir: string;
  /** All of them, warnings included. */
  readonly problems: readonly Problem[];

  constructor(configDir: string, problems: readonly Problem[]) {
    const count = problems.filter(({ severity }) => severity === "error").length;
    const first = problems.find(({ severity }) => severity === "error");
    const where = first === undefined ? "" : `: ${first.file}:${first.line} ${first.message}`;
    super(
      "config_invalid",
      `Cannot use config "${configDir}": ${count} error${count === 1 ? "" : "s"}${where}`,
    );
    this.configDir = configDir;
    this.problems = problems;
  }
}

/** Loads the settings in `configDir`. @throws {ConfigError} when a file stops the start */
export async function openLiveSettings({ configDir, env }: {
  configDir: string;
  env: Readonly<Record<string, string | undefined>>;
}): Promise<LiveSettings> {
  const secretsDirs = defaultSecretsDirs(configDir, env);
  const readSecret = createSecretReader({ configDir, secretsDirs });
  const listeners: ((settings: Settings) => void)[] = [];
  let problems: readonly Problem[] = [];

  async function load(version: number): Promise<Settings> {
    const loaded = await loadSettings({ configDir, env, secretsDirs, version });
    if (loaded.settings === undefined) throw new ConfigError(configDir, loaded.problems);
    problems = loaded.problems;
    return loaded.settings;
  }

  let settings = await load(1);
  return {
    current: () => settings,
    warnings: () => problems.map(({ file, line, message }) => `${file}:${line} ${message}`),
    secretOf: (name) => findSecret(name, { env, readSecret }),
    async reload() {
      settings = await load(settings.version + 1);
      for (const listener of listeners) listener(settings);
      return settings;
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

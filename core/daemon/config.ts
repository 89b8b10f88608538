/**
 * The settings in force: loaded, checked, swapped as a whole, changed on request.
 *
 * @module
 */
import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { codeOf, createUuids, resolveSource } from "../contract/mod.ts";
import { createInTurn } from "../flow/in_turn.ts";
import { ConfigError } from "../settings/config_error.ts";
import { type ChangeConfig, type FileChange, openDraft } from "../settings/draft.ts";
import { type Loaded, loadSettings } from "../settings/load.ts";
import type { Problem } from "../settings/problems.ts";
import { replaceFiles } from "../settings/replace_files.ts";
import {
  createSecretReader,
  defaultSecretsDirs,
  findSecret,
  isSecretToMake,
} from "../settings/secrets.ts";
import type { Settings } from "../settings/settings.ts";
import type { DaemonOptions } from "./options.ts";
import { makeMissingSecrets } from "./secrets.ts";

/** Times a change is tried again when a person saves the same file meanwhile. */
const CHANGE_TRIES = 4;

/** Hears of new settings; when one throws, the settings before stay in force. */
export type SettingsListener = (settings: Settings) => void;

/** The settings of a running daemon. */
export interface LiveSettings {
  readonly current: () => Settings;
  /** What is wrong with the files in force without stopping them. */
  readonly problems: () => readonly Problem[];
  /** The same, one line each. */
  readonly warnings: () => string[];
  /** A secret by its name; looked up anew each time, so that a rotated one counts at a reload. */
  readonly secretOf: (name: string) => string | undefined;
  /** Whether there is no such secret yet, and it may be made. */
  readonly isSecretToMake: (name: string) => boolean;
  /** Loads the files again; bad ones change nothing. @throws {ConfigError} */
  readonly reload: () => Promise<Settings>;
  /**
   * Loads the files again if they say something else now, or `secrets` may; resolves with undefined
   * when they do not. @throws {ConfigError}
   */
  readonly refresh: (touched: { secrets: boolean }) => Promise<Settings | undefined>;
  readonly change: ChangeConfig;
  /** Why the last reload was refused; undefined when it was not. */
  readonly refusal: () => ConfigError | undefined;
  /** Reloads since the start. */
  readonly reloads: () => { readonly applied: number; readonly rejected: number };
  /** Hears of each new snapshot once it is in force. */
  readonly onChange: (listener: SettingsListener) => void;
  /** Where the files and their secrets lie. */
  readonly dirs: { readonly config: string; readonly secrets: readonly string[] };
}

/** What {@linkcode openLiveSettings} needs. */
export interface LiveSettingsDeps {
  readonly configDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Makes the names of temporary files. */
  readonly uuid: () => string;
}

/** Loads the settings in `configDir`. @throws {ConfigError} when a file stops the start */
export async function openLiveSettings(
  { configDir: given, env, uuid }: LiveSettingsDeps,
): Promise<LiveSettings> {
  const configDir = resolve(given);
  const secretsDirs = defaultSecretsDirs(configDir, env);
  const readSecret = createSecretReader({ configDir, secretsDirs });
  const listeners: SettingsListener[] = [];
  const load = (version: number, drafts?: ReadonlyMap<string, string>): Promise<Loaded> =>
    loadSettings({ configDir, env, secretsDirs, version, ...(drafts && { drafts }) });

  const first = await load(1);
  let inForce = { settings: settingsOf(first, configDir), problems: first.problems };

  let refusal: ConfigError | undefined;
  const reloads = { applied: 0, rejected: 0 };

  function apply(next: typeof inForce): void {
    const before = inForce;
    inForce = next;
    try {
      for (const listener of listeners) listener(next.settings);
      refusal = undefined;
    } catch (error) {
      inForce = before;
      for (const listener of listeners) listener(before.settings);
      throw error;
    }
  }

  /** Takes what the files say now, if it is `wanted`; resolves with it, or with undefined. */
  async function loadAgain(wanted: (loaded: Settings) => boolean): Promise<Settings | undefined> {
    try {
      const loaded = await load(inForce.settings.version + 1);
      const settings = settingsOf(loaded, configDir);
      refusal = undefined;
      if (!wanted(settings)) return undefined;
      apply({ settings, problems: loaded.problems });
      reloads.applied += 1;
      return settings;
    } catch (error) {
      if (error instanceof ConfigError) refusal = error;
      reloads.rejected += 1;
      throw error;
    }
  }

  /** Reloads and changes happen one after another. */
  const inTurn = createInTurn();

  /** The settings that `changes` would give. @throws {ConfigError} when they make anything worse */
  async function tryOut(changes: readonly FileChange[]): Promise<typeof inForce> {
    const drafts = new Map(changes.map(({ file, after }) => [file, after]));
    const loaded = await load(inForce.settings.version + 1, drafts);
    const asIs = await load(inForce.settings.version + 1);
    if (asIs.settings === undefined) throw new ConfigError(configDir, asIs.problems);
    const known = new Set(asIs.problems.map(identity));
    const worse = loaded.problems.some((problem) =>
      problem.severity === "error" && !known.has(identity(problem))
    );
    if (worse || loaded.settings === undefined) {
      throw new ConfigError(configDir, loaded.problems, { refused: true });
    }
    return { settings: loaded.settings, problems: loaded.problems };
  }

  const change: ChangeConfig = async (edit, check) => {
    for (let tries = 1;; tries++) {
      const draft = openDraft(configDir);
      const result = await edit(draft);
      const changes = draft.changes();
      if (changes.length === 0) {
        return { result, settings: inForce.settings, changed: false };
      }
      const next = await tryOut(changes);
      check?.(next.settings, result);
      try {
        const undo = await replaceFiles(changes, { lockDir: configDir, nonce: uuid() });
        await applyOr(undo, next);
        return { result, settings: next.settings, changed: true };
      } catch (error) {
        if (codeOf(error) !== "conflict" || tries >= CHANGE_TRIES) throw error;
      }
    }
  };

  async function applyOr(undo: () => Promise<void>, next: typeof inForce): Promise<void> {
    try {
      apply(next);
    } catch (error) {
      await undo();
      throw error;
    }
  }

  return {
    current: () => inForce.settings,
    problems: () => inForce.problems,
    warnings: () => inForce.problems.map(({ file, line, message }) => `${file}:${line} ${message}`),
    secretOf: (name) => findSecret(name, { env, readSecret }),
    isSecretToMake: (name) => isSecretToMake(name, { env, readSecret }),
    refusal: () => refusal,
    reloads: () => reloads,
    async reload() {
      await inTurn(() => loadAgain(() => true));
      return inForce.settings;
    },
    refresh: ({ secrets }) =>
      inTurn(() => loadAgain((loaded) => secrets || !isSame(loaded, inForce.settings))),
    change: (edit, check) => inTurn(() => change(edit, check)),
    onChange: (listener) => void listeners.push(listener),
    dirs: { config: configDir, secrets: secretsDirs },
  };
}

/** Loads a daemon's settings, and makes the secrets they miss where it is to. @throws {ConfigError} */
export async function openDaemonSettings(options: DaemonOptions): Promise<LiveSettings> {
  const { configDir, env, home, random, log } = options;
  const config = await openLiveSettings({ configDir, env, uuid: createUuids(options) });
  if (!options.makeSecrets) return config;
  const sources = config.current().webhooks.sources.map((source) => resolveSource(source));
  const isToMake = config.isSecretToMake;
  const made = await makeMissingSecrets(sources, { dir: home.secrets, isToMake, random });
  for (const name of made) log.info("secret.made", { name });
  if (made.length > 0) await config.reload();
  return config;
}

function settingsOf({ settings, problems }: Loaded, configDir: string): Settings {
  if (settings === undefined) throw new ConfigError(configDir, problems);
  return settings;
}

function isSame(a: Settings, b: Settings): boolean {
  return isDeepStrictEqual({ ...a, version: 0 }, { ...b, version: 0 });
}

/** The same trouble, wherever its line has moved to. */
function identity({ file, message }: Problem): string {
  return `${file}\n${message}`;
}

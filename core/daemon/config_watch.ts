/**
 * Watches config and secrets, and loads them when they change.
 *
 * @module
 */
import { watch } from "chokidar";
import { existsSync } from "node:fs";
import { messageOf } from "../contract/mod.ts";
import { openDebounce } from "../flow/debounce.ts";
import type { Log } from "../flow/log.ts";
import { ConfigError } from "../settings/config_error.ts";
import type { LiveSettings } from "./config.ts";

/** Saves this close together are one change: editors write several files, or one in steps. */
const QUIET_MS = 100;
/** `config/plugins/x.yaml` is as deep as files lie. */
const DEPTH = 1;

/**
 * Follows the directories of `config` until disposed. Directories are watched, not files, so that a
 * save by rename is seen every time.
 *
 * A change that makes the config wrong leaves it as it was and is logged once, each problem with its
 * file and line. Resolves once the watching has begun.
 */
export async function watchConfig(
  config: Pick<LiveSettings, "dirs" | "refresh">,
  { log }: { log: Log },
): Promise<AsyncDisposable> {
  const { config: configDir, secrets } = config.dirs;
  const watcher = watch([configDir, ...secrets.filter((dir) => existsSync(dir))], {
    ignoreInitial: true,
    depth: DEPTH,
    ignored: (path) => path.endsWith(".tmp") || path.endsWith(".lock"),
  });
  let complained = "";
  let secretsTouched = false;

  async function refresh(): Promise<void> {
    try {
      const settings = await config.refresh({ secrets: secretsTouched });
      secretsTouched = false;
      complained = "";
      if (settings !== undefined) log.info("config.applied", { version: settings.version });
    } catch (error) {
      const problems = error instanceof ConfigError
        ? error.problems.filter(({ severity }) => severity === "error")
          .map(({ file, line, message }) => `${file}:${line} ${message}`)
        : [messageOf(error)];
      if (complained !== problems.join("\n")) log.error("config.refused", { problems });
      complained = problems.join("\n");
    }
  }

  const debounce = openDebounce({
    quietMs: QUIET_MS,
    work: refresh,
    onError: (error) => log.error("config.watch", { error: messageOf(error) }),
  });
  watcher.on("all", (_event, path) => {
    if (secrets.some((dir) => path.startsWith(dir))) secretsTouched = true;
    debounce.touch();
  });
  watcher.on("error", (error) => log.error("config.watch", { error: messageOf(error) }));
  await new Promise<void>((ready) => watcher.once("ready", ready));

  return {
    async [Symbol.asyncDispose]() {
      await debounce[Symbol.asyncDispose]();
      await watcher.close();
    },
  };
}

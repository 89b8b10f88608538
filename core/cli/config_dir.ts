/**
 * Which config directory a command works on.
 *
 * @module
 */
import { cp, stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import type { Command } from "commander";
import { CodedError } from "../contract/mod.ts";
import type { CliContext } from "./command.ts";

/** Adds `--config`. */
export function addConfigOption(command: Command): Command {
  return command.option(
    "--config <dir>",
    "the config directory; otherwise NEXO_CONFIG, ./config or a copy of ours",
  );
}

/** `--config`, else `NEXO_CONFIG`, else `./config` when it has agents, else a copy of ours. */
export async function findConfig(
  { env, cwd, home, packageRoot }: CliContext,
  given: string | undefined,
): Promise<string> {
  const named = given ?? env["NEXO_CONFIG"];
  if (named !== undefined && named !== "") {
    const dir = isAbsolute(named) ? named : resolve(cwd, named);
    if (!await exists(dir)) {
      throw new CodedError(
        "config_invalid",
        `Cannot use config "${dir}": there is no such directory`,
      );
    }
    return dir;
  }
  const local = join(cwd, "config");
  if (await exists(join(local, "agents.yaml"))) return local;
  const own = join(home.root, "config");
  if (!await exists(join(own, "agents.yaml"))) {
    await cp(join(packageRoot, "config"), own, {
      recursive: true,
      errorOnExist: false,
      force: false,
    });
  }
  return own;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false);
}

/**
 * `nexo check`: every problem of the config, before it is used.
 *
 * @module
 */
import type { Command } from "commander";
import { loadSettings } from "../settings/load.ts";
import { formatProblems } from "../settings/problems.ts";
import type { CliContext } from "./command.ts";
import { addConfigOption, findConfig } from "./config_dir.ts";
import { say, sayJson } from "./print.ts";

/** Adds the command. */
export function addCheckCommand(program: Command, context: CliContext): void {
  addConfigOption(program.command("check"))
    .description("every problem of the config, with its place and the fix; exit 1 on errors")
    .option("--json", "print an array")
    .action(async ({ config, json }: { config?: string; json?: boolean }) => {
      const { env, cwd, exitWith } = context;
      const configDir = await findConfig(context, config);
      const { problems } = await loadSettings({ configDir, env });
      if (json === true) sayJson(problems);
      else if (problems.length === 0) say(`${configDir}: no problems`);
      else say(formatProblems(problems, { color: process.stdout.isTTY, cwd }));
      if (problems.some(({ severity }) => severity === "error")) exitWith(1);
    });
}

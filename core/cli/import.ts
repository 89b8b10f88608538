/**
 * `nexo import`: the config of a nexo-rs home becomes ours.
 *
 * @module
 */
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { importNexoHome, type ImportReport } from "../settings/nexo/import.ts";
import type { CliContext } from "./command.ts";
import { say, sayJson } from "./print.ts";

/** Adds the command. */
export function addImportCommand(program: Command, { env, cwd, home }: CliContext): void {
  program.command("import <home>")
    .description(
      "make a config of a nexo-rs home (the directory it ran in), and say what was taken, changed, left behind",
    )
    .option(
      "--to <dir>",
      "the config directory to make; it must be new or empty ($NEXO_HOME/config)",
    )
    .option("--dry-run", "look and tell, write nothing")
    .option("--json", "print the report as an object")
    .action(async (
      from: string,
      { to, dryRun, json }: { to?: string; dryRun?: boolean; json?: boolean },
    ) => {
      const report = await importNexoHome({
        from: resolve(cwd, from),
        to: to === undefined ? join(home.root, "config") : resolve(cwd, to),
        dryRun: dryRun === true,
        env,
      });
      if (json === true) sayJson(report);
      else sayReport(report);
    });
}

function sayReport({ from, to, written, took, changed, could_not, needs }: ImportReport): void {
  const part = (title: string, lines: readonly string[]): void => {
    if (lines.length === 0) return;
    say(`\n${title}`);
    for (const line of lines) say(`  ${line}`);
  };
  say(written ? `Imported ${from} into ${to}` : `Looked at ${from}; nothing was written`);
  part("Taken", took.map(({ file, what }) => `${file}: ${what}`));
  part("Changed", changed.map(({ file, what }) => `${file}: ${what}`));
  part(
    "Left behind",
    could_not.flatMap(({ file, what, fix }) => [`${file}: ${what}`, `    fix: ${fix}`]),
  );
  part("Needed", needs.flatMap(({ what, fix }) => [what, `    fix: ${fix}`]));
  if (written) say(`\nNext: npx nexo check --config ${to}`);
}

/**
 * `nexo doctor`: how everything that runs is.
 *
 * @module
 */
import type { Command } from "commander";
import type { CliContext } from "./command.ts";
import { sayJson, sayTable } from "./print.ts";

interface Found {
  area: string;
  level: "ok" | "warning" | "error";
  subject: string;
  message: string;
  fix: string | null;
}

/** Adds the command. It exits with 1 on errors, not on warnings. */
export function addDoctorCommand(program: Command, { daemon, exitWith }: CliContext): void {
  program.command("doctor").description("how sources, microapps and config are; exit 1 on errors")
    .option("--json", "print an array")
    .action(async ({ json }: { json?: boolean }) => {
      const { findings } = await (await daemon()).call<{ findings: Found[] }>("doctor");
      if (json === true) sayJson(findings);
      else {
        sayTable(findings, [
          ["", ({ level }) => level === "ok" ? "ok" : level.toUpperCase()],
          ["AREA", ({ area }) => area],
          ["WHAT", ({ subject }) => subject],
          ["HOW IT IS", ({ message, fix }) => fix === null ? message : `${message}. ${fix}.`],
        ], "Nothing to look at.");
      }
      if (findings.some(({ level }) => level === "error")) exitWith(1);
    });
}

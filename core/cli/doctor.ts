/**
 * `nexo doctor`: how everything that runs is.
 *
 * @module
 */
import type { Command } from "commander";
import type { AreaFinding, ToggleView } from "../contract/views/health.ts";
import type { CliContext } from "./command.ts";
import { sayJson, sayTable } from "./print.ts";

/** Adds the command. It exits with 1 on errors, not on warnings. */
export function addDoctorCommand(program: Command, { daemon, exitWith }: CliContext): void {
  const doctor = program.command("doctor");
  doctor.command("capabilities")
    .description("what the environment switches on and off, in core and in microapps")
    .option("--json", "print an array")
    .action(async (_options, command: Command) => {
      const { capabilities } = await (await daemon()).call<{ capabilities: ToggleView[] }>(
        "doctor/capabilities",
      );
      // `--json` may stand before or after the word.
      if (command.optsWithGlobals<{ json?: boolean }>().json === true) {
        return sayJson(capabilities);
      }
      sayTable(capabilities, [
        ["EXT", ({ extension }) => extension],
        ["ENV VAR", ({ env_var }) => env_var],
        ["STATE", ({ state, value }) => typeof value === "number" ? value : state],
        ["SET TO", ({ raw_value }) => raw_value],
        ["RISK", ({ risk }) => risk],
        ["EFFECT", ({ effect }) => effect],
      ], "Nothing can be switched.");
    });
  doctor.description("how sources, microapps and config are; exit 1 on errors")
    .option("--json", "print an array")
    .action(async ({ json }: { json?: boolean }) => {
      const { findings } = await (await daemon()).call<{ findings: AreaFinding[] }>("doctor");
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

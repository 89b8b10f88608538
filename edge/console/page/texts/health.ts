/**
 * The health page.
 *
 * @module
 */
import { plural } from "./plural.ts";

/** The texts, by where they stand. */
export const HEALTH = {
  health: {
    intro: "What nexo doctor and nexo check find, and the switches of the environment.",
    again: "Look again",
    findings: "Findings",
    troubled: (errors: number, warnings: number) =>
      [
        errors === 0 ? "" : plural(errors, "error", "errors"),
        warnings === 0 ? "" : plural(warnings, "warning", "warnings"),
      ].filter((text) => text !== "").join(", "),
    allWell: (count: number) => `All ${count} checks are well.`,
    subject: "What",
    area: "Area",
    level: "Level",
    finding: "Finding",
    areas: {
      core: "core",
      config: "config",
      sources: "webhooks",
      channels: "channels",
      http: "HTTP of microapps",
      skills: "skills",
    } as Readonly<Record<string, string>>,
    config: "Config",
    version: "In force",
    dir: "Directory",
    reloads: "Reloads",
    reloadCounts: (applied: number, refused: number) => `${applied} applied, ${refused} refused`,
    reload: "Reload",
    reloadTitle: "Load the config again?",
    reloadText:
      "Files that are wrong change nothing, and you are told where. Saved files are loaded by themselves.",
    reloading: "Loading",
    reloaded: (version: number) => `Version ${version} is in force.`,
    refused: "The files as they are now were refused; the version before stays in force.",
    refusedProblems: "Problems of the refused files",
    problems: "Problems of the files in force",
    noProblems: "The files in force have no problems.",
    place: "Place",
    switches: "Switches",
    variable: "Variable",
    reader: "Read by",
    state: "State",
    value: "Value",
    effect: "Effect",
  },
} as const;

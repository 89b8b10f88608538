/**
 * What `nexo ext install` says when it is done.
 *
 * @module
 */
import type { ListedMicroapp } from "../../microapps/listing.ts";
import type { Manifest } from "../../microapps/manifest.ts";
import { toolName } from "../../microapps/naming.ts";
import type { MicroappStatus } from "../../microapps/slots.ts";
import type { InstallMode } from "./install.ts";

/** What there is to say, as `--json` prints it. */
export interface InstallReport {
  readonly id: string;
  readonly version: string;
  /** Where it lies; where it would, with `mode: "dry-run"`. */
  readonly target: string;
  readonly mode: InstallMode | "dry-run";
  readonly enabled: boolean;
  /** Null without a daemon. */
  readonly state: MicroappStatus["state"] | null;
  readonly reason: string | null;
  /** As models see them; those of the manifest while it does not run. */
  readonly tools: readonly string[];
  readonly missing_required: readonly string[];
  readonly missing_optional: readonly string[];
}

/** Puts together what is known of an install. */
export function installReport(
  { manifest, target, mode, row, status }: {
    readonly manifest: Manifest;
    readonly target: string;
    readonly mode: InstallReport["mode"];
    /** Its line in the list, once it is installed. */
    readonly row: ListedMicroapp | undefined;
    readonly status: MicroappStatus | null;
  },
): InstallReport {
  const { id, version, capabilities: { admin, tools } } = manifest;
  const names = status?.tools.map(({ name }) => name) ?? tools;
  return {
    id,
    version,
    target,
    mode,
    enabled: row?.status !== "disabled",
    state: status?.state ?? null,
    reason: status?.reason ?? row?.reason ?? null,
    tools: names.map((name) => toolName(id, name)),
    missing_required: row?.missing_required ?? admin.required,
    missing_optional: row?.missing_optional ?? admin.optional,
  };
}

const DONE: Readonly<Record<InstallReport["mode"], string>> = {
  copy: "is installed",
  update: "is updated",
  link: "is linked",
  in_place: "is used where it lies",
  "dry-run": "would be installed",
};

/** The same for people, with what to do next. */
export function describeInstall(report: InstallReport, { runs }: { runs: boolean }): string[] {
  const { id, version, target, mode } = report;
  return [
    `${id} ${version} ${DONE[mode]}: ${target}`,
    ...(mode === "dry-run" ? [] : stateLines(report, runs)),
    ...grantLines(report),
  ];
}

function stateLines({ id, enabled, state, reason, tools }: InstallReport, runs: boolean): string[] {
  if (!enabled) return [`It is switched off; \`nexo ext enable ${id}\` switches it on.`];
  if (!runs) return ["No daemon runs; it starts with the next `nexo dev` or `nexo core`."];
  if (state === "ready") return [`It runs. Its tools: ${tools.join(" ") || "none"}`];
  return [`It is ${state ?? "not running"}: ${reason ?? "see `nexo ext status`"}`];
}

function grantLines({ id, missing_required, missing_optional }: InstallReport): string[] {
  const missing = [...missing_required, ...missing_optional];
  if (missing.length === 0) return [];
  return [
    "",
    ...(missing_required.length === 0
      ? []
      : [`It does not start without these capabilities: ${missing_required.join(", ")}`]),
    ...(missing_optional.length === 0
      ? []
      : [`It would also like these capabilities: ${missing_optional.join(", ")}`]),
    `Grant them with \`nexo ext enable ${id} --grant all\`, or add to extensions.yaml:`,
    "",
    "  extensions:",
    "    entries:",
    `      ${id}:`,
    "        capabilities_grant:",
    ...missing.map((name) => `          - ${name}`),
  ];
}

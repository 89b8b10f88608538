/**
 * Deno's flags, exactly: what is not named here is not given.
 *
 * @module
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { CodedError } from "../../contract/mod.ts";
import type { NetworkGrant, SandboxPlace } from "./place.ts";

/** What a manifest's arguments for Deno come to. */
export interface DenoProgram {
  /** Flags of the author that grant nothing. */
  readonly flags: readonly string[];
  readonly script: string;
  readonly rest: readonly string[];
}

/** What the flags depend on. */
export interface DenoJob {
  readonly args: readonly string[];
  readonly place: SandboxPlace;
  readonly network: NetworkGrant;
  /** Mebibytes; null is V8's own default. */
  readonly heap: number | null;
}

/** Permissions are for core to give; an author's own are left out. */
const permission =
  /^(-A|-P|-[RWINES]+(=.*)?|--(allow|deny|ignore)-[a-z]+(=.*)?|--permission-set.*)$/;
const harmless = /^(-q|--quiet|--check(=\w+)?|--no-check(=\w+)?|--no-lock|--unstable-[a-z-]+)$/;
const pinned =
  /^(--no-prompt|--no-remote|--no-npm|--cached-only|--no-config|--node-modules-dir(=\w+)?)$/;
const withFile = /^(-c|--config|--import-map)$/;

/**
 * Reads a manifest's arguments for Deno: `run`, flags, script, arguments.
 *
 * @throws {CodedError} `sandbox_refused` at a flag that is not known to be harmless
 */
export function readDenoArgs(args: readonly string[]): DenoProgram {
  const given = args[0] === "run" ? args.slice(1) : args;
  const flags: string[] = [];
  for (let at = 0; at < given.length; at++) {
    const flag = given[at] ?? "";
    const [name = "", value] = flag.split(/=(.*)/s);
    if (!flag.startsWith("-")) return { flags, script: flag, rest: given.slice(at + 1) };
    if (harmless.test(flag)) flags.push(flag);
    else if (withFile.test(name)) {
      const file = value ?? given[++at] ?? "";
      flags.push(`${name === "-c" ? "--config" : name}=${file}`);
    } else if (!permission.test(flag) && !pinned.test(flag)) {
      throw new CodedError(
        "sandbox_refused",
        `Cannot confine Deno: its flag "${flag}" is not known`,
      );
    }
  }
  throw new CodedError("sandbox_refused", "Cannot confine Deno: its arguments name no script");
}

function flagsFor({ place, network, heap }: DenoJob, program: DenoProgram): string[] {
  const { root, stateDir, readable, readableFiles } = place;
  const paths = [root, stateDir, ...readable, ...readableFiles];
  const comma = [...paths].find((path) => path.includes(","));
  if (comma !== undefined) {
    throw new CodedError("sandbox_refused", `Cannot confine Deno: "${comma}" contains a comma`);
  }
  const hasConfig = program.flags.some((flag) => flag.startsWith("--config="));
  return [
    "run",
    "--no-prompt",
    "--no-remote",
    "--node-modules-dir=manual",
    "--cached-only",
    ...(hasConfig ? [] : ["--no-config"]),
    ...program.flags,
    `--allow-read=${paths.join(",")}`,
    `--allow-write=${stateDir}`,
    // Core has chosen every variable that is there.
    "--allow-env",
    ...(network.kind === "host"
      ? ["--allow-net"]
      : network.kind === "port"
      ? [`--allow-net=${network.address}`]
      : []),
    ...(heap === null ? [] : [`--v8-flags=--max-old-space-size=${heap}`]),
  ];
}

/** Arguments for a Deno that namespaces confine already. */
export function denoArgs(job: DenoJob): string[] {
  const program = readDenoArgs(job.args);
  return [...flagsFor(job, program), program.script, ...program.rest];
}

/**
 * Arguments for a Deno that only its permissions confine. Deno loads the main module and what it
 * imports without asking them, `data:` modules included; what a worker loads is held to them.
 */
export function denoWorkerArgs(job: DenoJob): string[] {
  const program = readDenoArgs(job.args);
  const script = pathToFileURL(resolve(job.place.root, program.script)).href;
  const start = `new Worker(${JSON.stringify(script)},{type:"module"})`;
  return [
    ...flagsFor(job, program),
    `data:application/javascript,${encodeURIComponent(start)}`,
    ...program.rest,
  ];
}

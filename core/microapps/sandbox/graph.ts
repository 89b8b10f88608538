/**
 * What a Deno program imports, asked of Deno itself before the program runs.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { readFile, realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CodedError, messageOf } from "../../contract/mod.ts";
import { isObject } from "../json.ts";
import { isWithin, type SandboxPlace } from "./place.ts";
import { readDenoArgs } from "./deno_flags.ts";

const run = promisify(execFile);
const LIMIT_MS = 20_000;
const MAX_GRAPH_BYTES = 16 * 1024 * 1024;

/** Local files in the answer of `deno info --json`, data modules' imports included. */
export function filesOfGraph(graph: unknown): string[] {
  const modules = isObject(graph) && Array.isArray(graph["modules"]) ? graph["modules"] : [];
  return modules.flatMap((module: unknown) => {
    const specifier = isObject(module) ? module["specifier"] : undefined;
    return typeof specifier === "string" && specifier.startsWith("file:")
      ? [fileURLToPath(specifier)]
      : [];
  });
}

/**
 * Refuses a program whose import statements name files outside its own directories. Deno's permissions
 * would stop them too, late and in the program's own words.
 *
 * @throws {CodedError} `sandbox_refused`, naming the file
 */
export async function refuseImportsOut(
  { program, args, place }: {
    readonly program: string;
    readonly args: readonly string[];
    readonly place: SandboxPlace;
  },
): Promise<void> {
  const { script, flags } = readDenoArgs(args);
  const path = resolve(place.root, script);
  const config = flags.filter((flag) => /^--(config|import-map)=/.test(flag));
  const graph = await readGraph(program, [
    "info",
    "--json",
    "--no-remote",
    "--node-modules-dir=manual",
    ...(config.some((flag) => flag.startsWith("--config=")) ? [] : ["--no-config"]),
    ...config,
    path,
  ], place);
  for (const file of filesOfGraph(graph)) {
    // A link inside leads to where it leads.
    const real = await realpath(file).catch(() => file);
    if (
      [place.root, ...place.readable, ...place.readableFiles].some((dir) => isWithin(dir, real))
    ) continue;
    throw new CodedError(
      "sandbox_refused",
      `Cannot confine it: it imports "${real}", which lies outside its directory`,
    );
  }
  await refuseMainCheck(path);
}

async function readGraph(
  program: string,
  args: readonly string[],
  { root, cacheDir }: SandboxPlace,
): Promise<unknown> {
  try {
    const { stdout } = await run(program, [...args], {
      cwd: root,
      env: { DENO_DIR: cacheDir, NO_COLOR: "1" },
      timeout: LIMIT_MS,
      killSignal: "SIGKILL",
      maxBuffer: MAX_GRAPH_BYTES,
    });
    return JSON.parse(stdout);
  } catch (error) {
    throw new CodedError(
      "sandbox_refused",
      `Cannot confine it: its imports cannot be read: ${messageOf(error).slice(0, 400)}`,
      { cause: error },
    );
  }
}

/** Under permissions the program is loaded in a worker, where `import.meta.main` is false. */
async function refuseMainCheck(path: string): Promise<void> {
  const text = await readFile(path, "utf8").catch(() => "");
  if (!text.includes("import.meta.main")) return;
  throw new CodedError(
    "sandbox_refused",
    `Cannot confine it: "${path}" starts its work only when "import.meta.main" is true, which it is ` +
      "not under Deno's permissions alone; start it at the top level, or install bubblewrap",
  );
}

/**
 * Which program a manifest's command really is, and which files it cannot do without.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, realpath } from "node:fs/promises";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { CodedError, messageOf } from "../../contract/mod.ts";
import type { Env } from "../env.ts";

/** A program with what it needs beside the system's own directories. */
export type Runtime =
  & {
    /** Absolute; a shim that only starts the real program is seen through. */
    readonly program: string;
    /** Files and directories of the installation. */
    readonly files: readonly string[];
  }
  & (
    | { readonly kind: "deno" | "python" | "other" }
    | { readonly kind: "node"; readonly major: number }
  );

const run = promisify(execFile);
/** How long a runtime may take to say who it is, in milliseconds. */
const ASK_MS = 10_000;
/** Where distributions keep programs, should `PATH` not name it. */
const SYSTEM_DIRS = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"];

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(() => true, () => false);
}

/** The first program of that name on `PATH`, then in the system's directories; or null. */
export async function findProgram(
  name: string,
  env: Env,
  { system = true } = {},
): Promise<string | null> {
  const onPath = (env["PATH"] ?? "").split(delimiter).filter((dir) => dir.startsWith("/"));
  for (const dir of system ? [...onPath, ...SYSTEM_DIRS] : onPath) {
    const path = join(dir, name);
    if (await isProgram(path)) return path;
  }
  return null;
}

/**
 * Looks a manifest's command up as the child's start would.
 *
 * @throws {CodedError} `sandbox_refused` when it is not found or does not say who it is
 */
export async function readRuntime(
  { command, root, env }: { readonly command: string; readonly root: string; readonly env: Env },
): Promise<Runtime> {
  const found = command.includes("/")
    ? resolve(root, command)
    : await findProgram(command, env, { system: false });
  if (found === null || !(await isProgram(found))) {
    throw new CodedError(
      "sandbox_refused",
      `Cannot confine it: "${command}" is no program on PATH`,
    );
  }
  const name = basename(command);
  if (name === "node" || name === "nodejs") return readNode(found, root, env);
  if (/^python[\d.]*$/.test(name)) return readPython(found, root, env);
  const real = await realpath(found);
  if (name === "deno") return readDeno(real);
  return { kind: "other", program: real, files: [real] };
}

/** Asks the program itself, since what `PATH` names may be a version manager's shim. */
async function ask(
  program: string,
  args: readonly string[],
  { root, env }: { root: string; env: Env },
): Promise<unknown> {
  try {
    const { stdout } = await run(program, [...args], {
      cwd: root,
      env: { PATH: env["PATH"], HOME: env["HOME"] },
      timeout: ASK_MS,
      killSignal: "SIGKILL",
    });
    return JSON.parse(stdout);
  } catch (error) {
    throw new CodedError(
      "sandbox_refused",
      `Cannot confine it: "${program}" does not say what it is: ${messageOf(error).split("\n")[0]}`,
      { cause: error },
    );
  }
}

async function readNode(found: string, root: string, env: Env): Promise<Runtime> {
  const script = "JSON.stringify([process.execPath, process.versions.node])";
  const [path, version] = await ask(found, ["-p", script], { root, env }) as [string, string];
  const program = await realpath(path);
  return { kind: "node", program, files: [program], major: Number.parseInt(version) };
}

async function readPython(found: string, root: string, env: Env): Promise<Runtime> {
  const script =
    "import json,sys;print(json.dumps([sys.executable,sys.prefix,sys.base_prefix,sys.exec_prefix]))";
  const [program = found, ...prefixes] = await ask(found, ["-I", "-c", script], {
    root,
    env,
  }) as string[];
  // The system's own is there already; "/" would be everything.
  const own = prefixes.filter((path) => path !== "/usr" && path !== "/");
  // A virtual environment's program is a link, and Python finds the environment by where it lies.
  return { kind: "python", program, files: [...new Set([...own, await realpath(program)])] };
}

/** The npm package of Deno starts it through Node; the program lies beside that starter. */
async function readDeno(real: string): Promise<Runtime> {
  const beside = join(dirname(real), "deno");
  const program = basename(real) === "bin.cjs" ? beside : real;
  if (!(await isProgram(program))) {
    throw new CodedError(
      "sandbox_refused",
      `Cannot confine it: "${program}" is missing; run "npm rebuild deno"`,
    );
  }
  return { kind: "deno", program, files: [program] };
}

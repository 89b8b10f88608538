/**
 * Runs another program to its end.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { CodedError } from "../contract/mod.ts";

/** How a program is run. */
export interface RunProgramOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** How a program ended. */
export interface ProgramEnd {
  /** Null when a signal ended it. */
  readonly code: number | null;
  /** The end of what it printed, on both streams. */
  readonly output: string;
}

const MAX_OUTPUT_CHARS = 16_384;

/**
 * What `npm` tells the programs it starts about itself would mislead another `npm` in another
 * directory; what a person configured stays.
 */
const ofOuterNpm = /^(INIT_CWD|npm_(lifecycle|package|command|config_local_prefix).*)$/;

/** Runs a program. @throws {CodedError} `program_failed` when it is not on `PATH` */
export async function runProgram(
  command: string,
  args: readonly string[],
  { cwd, env, signal }: RunProgramOptions,
): Promise<ProgramEnd> {
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => !ofOuterNpm.test(name)));
  const child = spawn(command, args, { cwd, env: own, signal, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => (output = (output + text).slice(-MAX_OUTPUT_CHARS)));
  }
  try {
    const [code] = await once(child, "close") as [number | null];
    return { code, output: output.trim() };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new CodedError("program_failed", `Cannot run "${command}": it is not on PATH`, {
      cause: error,
    });
  }
}

/**
 * The nexo command in the test's own process, for tests that ask it many things.
 *
 * @module
 */
import { resolve } from "node:path";
import { vi } from "vitest";
import { runCli } from "../../core/cli/program.ts";
import type { CommandResult } from "./daemon.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** Runs one command to its end; one at a time, since the output is the process's. */
export function runNexo(
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<CommandResult> {
  return runNexoIn(ROOT, env, args);
}

/** {@linkcode runNexo} in a directory. */
export async function runNexoIn(
  cwd: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<CommandResult> {
  const said = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((chunk) => {
      said[name] += String(chunk);
      return true;
    })
  );
  try {
    const code = await runCli(["node", "nexo", ...args], {
      env,
      cwd,
      packageRoot: ROOT,
      version: "test",
      signal: new AbortController().signal,
    });
    return { code, ...said };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

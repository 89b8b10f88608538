/**
 * The system's programs that confine others: found once, and tried before they are relied on.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { messageOf } from "../../contract/mod.ts";
import type { Env } from "../env.ts";
import { BWRAP_NAMESPACES } from "./command.ts";
import type { Helper } from "./level.ts";
import { findProgram } from "./runtime.ts";

/** The helpers of this machine. */
export interface SandboxHelpers {
  /** Namespaces around any program. */
  bwrap(): Promise<Helper>;
  /** Kernel limits for any program; null when it is not there. */
  prlimit(): Promise<string | null>;
}

const run = promisify(execFile);
const TRY_MS = 10_000;

/** Looks for the helpers when they are first asked for, and remembers what it found. */
export function createSandboxHelpers(env: Env): SandboxHelpers {
  let bwrap: Promise<Helper> | undefined;
  let prlimit: Promise<string | null> | undefined;
  return {
    bwrap: () => bwrap ??= tryBwrap(env),
    prlimit: () => prlimit ??= findProgram("prlimit", env),
  };
}

async function tryBwrap(env: Env): Promise<Helper> {
  const path = await findProgram("bwrap", env);
  if (path === null) {
    return {
      path,
      problem: '"bwrap" is not on PATH; install the Debian package "bubblewrap"',
    };
  }
  const args = [...BWRAP_NAMESPACES, "--size", "4096", "--tmpfs", "/tmp"];
  const system = ["/usr", "/bin", "/lib", "/lib64"].flatMap((dir) => ["--ro-bind-try", dir, dir]);
  try {
    await run(path, [...args, ...system, "--proc", "/proc", "--", "/bin/true"], {
      env: {},
      timeout: TRY_MS,
      killSignal: "SIGKILL",
    });
    return { path, problem: null };
  } catch (error) {
    const stderr = (error as { readonly stderr?: string }).stderr?.trim();
    const why = (stderr || messageOf(error)).split("\n")[0];
    return {
      path: null,
      problem:
        `"${path}" cannot make namespaces here (${why}); it needs bubblewrap 0.8 or newer, ` +
        "and user namespaces (sysctl kernel.unprivileged_userns_clone=1)",
    };
  }
}

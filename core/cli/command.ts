/**
 * What every subcommand is given.
 *
 * @module
 */
import type { Home } from "../daemon/home.ts";
import { connectDaemon, type DaemonClient } from "./client.ts";

/** The surroundings of a command line. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: Home;
  /** Where `config/`, `migrations/` and `package.json` of this program are. */
  readonly packageRoot: string;
  readonly version: string;
  /** Aborts at the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** Ends the process with this code once everything is closed. */
  readonly exitWith: (code: number) => void;
  readonly daemon: () => Promise<DaemonClient>;
}

/** Returns the surroundings with a daemon that is looked for on demand. */
export function createCliContext(given: Omit<CliContext, "daemon">): CliContext {
  return {
    ...given,
    // The shipped config finds the sample microapp by it, wherever the config was copied to.
    env: { NEXO_PACKAGE_DIR: given.packageRoot, ...given.env },
    daemon: () => connectDaemon(given.home, given.signal),
  };
}

/**
 * What the commands that run a process share: their log and their address.
 *
 * @module
 */
import { type Command, InvalidArgumentError } from "commander";
import { CodedError, messageOf } from "../contract/mod.ts";
import { LOG_LEVELS, type LogLevel, openLog } from "../daemon/log.ts";
import type { Log } from "../flow/log.ts";
import { createRedactor } from "../redact/redactor.ts";
import type { CliContext } from "./command.ts";
import { say } from "./print.ts";

const DEFAULT_PORT = "8787";

/** Adds `--port` and `--host` of an edge. */
export function addAddressOptions(command: Command): Command {
  return command
    .option("--port <n>", `the edge's port; otherwise NEXO_PORT, else ${DEFAULT_PORT}`, readPort)
    .option("--host <address>", "the edge's address", "127.0.0.1");
}

/** Adds `--json` of a command that goes on until it is stopped. */
export function addJsonOption(command: Command): Command {
  return command.option(
    "--json",
    "one line of JSON on standard output once it is ready, and a log of JSON lines",
  );
}

/** Where a process is reached once it is ready; null for what it does not have. */
export interface ReadyLine {
  /** The edge's address. */
  readonly edge_url?: string | null;
  /** Core's own loopback address. */
  readonly admin_url?: string;
  /** A web chat to try. */
  readonly chat_url?: string | null;
  /** Opens the console once. */
  readonly console_url?: string | null;
  /** The embedded broker's address. */
  readonly broker_url?: string | null;
  /** The file with the token that opens the broker. */
  readonly broker_token_file?: string | null;
  /** What the configuration is warned of. */
  readonly warnings?: readonly string[];
}

/** Says to a program that a process is ready: the one line it writes to standard output. */
export function sayReady(process: "dev" | "core" | "edge", line: ReadyLine): void {
  say(JSON.stringify({ event: "ready", process, ...line }));
}

/** The port that was asked for on the command line, else by `NEXO_PORT`, else the default. */
export function portOf(given: number | undefined, env: CliContext["env"]): number {
  if (given !== undefined) return given;
  try {
    return readPort(env["NEXO_PORT"] ?? DEFAULT_PORT);
  } catch (cause) {
    throw new CodedError("usage", `Cannot use NEXO_PORT: ${messageOf(cause)}`, { cause });
  }
}

function readPort(text: string): number {
  const value = Number(text);
  if (text === "" || !Number.isInteger(value) || value < 0 || value > 65_535) {
    throw new InvalidArgumentError("must be a whole number from 0 to 65535");
  }
  return value;
}

/**
 * The log of this process on standard error, at the level of `NEXO_LOG`: JSON lines for programs, else
 * coloured words at a terminal.
 */
export async function openProcessLog(
  { env }: Pick<CliContext, "env">,
  { json = false }: { json?: boolean | undefined },
): Promise<Log> {
  const wanted = env["NEXO_LOG"] ?? "info";
  const level = LOG_LEVELS.find((known) => known === wanted);
  if (level === undefined) {
    const levels: readonly LogLevel[] = LOG_LEVELS;
    throw new CodedError(
      "usage",
      `Cannot log at "${wanted}": NEXO_LOG must be one of ${levels.join(", ")}`,
    );
  }
  return openLog({
    level,
    pretty: process.stderr.isTTY && !json,
    write: (line) => void process.stderr.write(line.endsWith("\n") ? line : `${line}\n`),
    redact: createRedactor(),
  });
}

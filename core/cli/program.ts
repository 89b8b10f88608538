/**
 * The nexo command: its subcommands, and how it fails.
 *
 * @module
 */
import { Command, CommanderError } from "commander";
import { CodedError, codeOf, messageOf } from "../contract/mod.ts";
import { ConfigError } from "../settings/config_error.ts";
import { homeOf } from "../daemon/home.ts";
import { formatProblems } from "../settings/problems.ts";
import { type CliContext, createCliContext } from "./command.ts";
import { partsFor } from "./parts.ts";

/** What a process gives the command. */
export interface CliSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly packageRoot: string;
  readonly version: string;
  /** Aborts when the process is asked to stop. */
  readonly signal: AbortSignal;
}

const EXIT = { ok: 0, failed: 1, usage: 2, notRunning: 3, interrupted: 130 } as const;

/**
 * Runs a command line. Resolves with the exit code: 0 ok, 1 failed, 2 wrong usage, 3 no daemon, 130
 * interrupted.
 */
export async function runCli(argv: readonly string[], given: CliSurroundings): Promise<number> {
  let exitCode: number = EXIT.ok;
  const context = createCliContext({
    ...given,
    home: homeOf(given.env),
    exitWith: (code) => void (exitCode = code),
  });
  try {
    const program = await createProgram(context, argv[2]);
    await program.parseAsync([...argv]);
    return exitCode;
  } catch (error) {
    return explain(error, given);
  }
}

/** The command with one subcommand, or with all; it does nothing before it is parsed. */
export async function createProgram(context: CliContext, word?: string): Promise<Command> {
  const program = new Command("nexo")
    .description(
      "Run AI agents for many customers: webhooks in, microapps' tools, everything on record",
    )
    .version(context.version)
    .showHelpAfterError("(add --help for how to use it)")
    // A subcommand's options are its own, also where the command above it has one of that name.
    .enablePositionalOptions()
    .exitOverride();
  for (const { load } of partsFor(word)) {
    const add = await load();
    add(program, context);
  }
  return program;
}

function explain(error: unknown, given: CliSurroundings): number {
  // It was asked to stop, so nobody waits for an answer.
  if (given.signal.aborted && error === given.signal.reason) return EXIT.interrupted;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof ConfigError) {
    process.stderr.write(
      `${formatProblems(error.problems, { color: process.stderr.isTTY, cwd: given.cwd })}\n`,
    );
  }
  process.stderr.write(`nexo: ${messageOf(error)} [${codeOf(error)}]\n`);
  if (!(error instanceof CodedError) && error instanceof Error) {
    process.stderr.write(`${error.stack}\n`);
  }
  if (codeOf(error) === "usage") return EXIT.usage;
  return codeOf(error) === "daemon_not_running" ? EXIT.notRunning : EXIT.failed;
}

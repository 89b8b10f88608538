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
import { addChannelCommands } from "./channels.ts";
import { addAuditCommands } from "./audit.ts";
import { addCheckCommand } from "./check.ts";
import { addConversationCommands } from "./conversations.ts";
import { addDoctorCommand } from "./doctor.ts";
import { addEdgeCommand } from "./edge.ts";
import { addExtCommand } from "./ext.ts";
import { addImportCommand } from "./import.ts";
import { addInitCommand } from "./init.ts";
import { addOperateCommands } from "./operate.ts";
import { addRecordCommands } from "./record.ts";
import { addRunCommands } from "./run.ts";
import { addScheduleCommands } from "./schedules.ts";
import { addSecretCommands } from "./secrets.ts";
import { addTalkCommands } from "./talk.ts";
import { addTranscriptCommands } from "./transcripts.ts";
import { addTenantCommands } from "./tenants.ts";
import { addUsageCommand } from "./usage.ts";

/** What a process gives the command. */
export interface CliSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly packageRoot: string;
  readonly version: string;
  /** Aborts when the process is asked to stop. */
  readonly signal: AbortSignal;
}

const EXIT = { ok: 0, failed: 1, usage: 2, notRunning: 3 } as const;

/** Runs a command line. Resolves with the exit code: 0 ok, 1 failed, 2 wrong usage, 3 no daemon. */
export async function runCli(argv: readonly string[], given: CliSurroundings): Promise<number> {
  let exitCode: number = EXIT.ok;
  const context = createCliContext({
    ...given,
    home: homeOf(given.env),
    exitWith: (code) => void (exitCode = code),
  });
  const program = createProgram(context);
  try {
    await program.parseAsync([...argv]);
    return exitCode;
  } catch (error) {
    return explain(error, given);
  }
}

/** The command with all its subcommands; it does nothing before it is parsed. */
export function createProgram(context: CliContext): Command {
  const program = new Command("nexo")
    .description(
      "Run AI agents for many customers: webhooks in, microapps' tools, everything on record",
    )
    .version(context.version)
    .showHelpAfterError("(add --help for how to use it)")
    .exitOverride();
  addRunCommands(program, context);
  addEdgeCommand(program, context);
  addInitCommand(program, context);
  addImportCommand(program, context);
  addCheckCommand(program, context);
  addDoctorCommand(program, context);
  addTalkCommands(program, context);
  addRecordCommands(program, context);
  addUsageCommand(program, context);
  addConversationCommands(program, context);
  addExtCommand(program, context);
  addOperateCommands(program, context);
  addAuditCommands(program, context);
  addTranscriptCommands(program, context);
  addTenantCommands(program, context);
  addChannelCommands(program, context);
  addScheduleCommands(program, context);
  addSecretCommands(program, context);
  return program;
}

function explain(error: unknown, given: CliSurroundings): number {
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

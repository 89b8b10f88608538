/**
 * `nexo dev | core | edge | check`: the processes, and whether the config is right.
 *
 * @module
 */
import { cp, stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { startNodeEdge } from "../../edge/node.ts";
import { CodedError } from "../contract/mod.ts";
import { LOG_LEVELS, type LogLevel, openLog } from "../daemon/log.ts";
import type { DaemonReady, StartEdge } from "../daemon/options.ts";
import { runDaemon } from "../daemon.ts";
import type { Log } from "../flow/log.ts";
import { createPooledRandom } from "../flow/random.ts";
import { createRedactor } from "../redact/redactor.ts";
import { loadSettings } from "../settings/load.ts";
import { formatProblems } from "../settings/problems.ts";
import type { CliContext } from "./command.ts";
import { say, sayJson } from "./print.ts";

const DEFAULT_PORT = 8787;

/** Adds the commands that run or check. */
export function addRunCommands(program: Command, context: CliContext & { version: string }): void {
  const { env, exitWith } = context;
  const config = (command: Command): Command =>
    command.option(
      "--config <dir>",
      "the config directory; otherwise NEXO_CONFIG, ./config or a copy of ours",
    );
  const address = (command: Command): Command =>
    command.option(
      "--port <n>",
      "the edge's port; otherwise NEXO_PORT",
      port,
      port(env["NEXO_PORT"] ?? String(DEFAULT_PORT)),
    )
      .option("--host <address>", "the edge's address", "127.0.0.1");

  address(config(program.command("dev"))).description(
    "core and edge in one process; `npm start` is this",
  )
    .action(async ({ config: given, port, host }) => {
      const log = await openProcessLog(context);
      await runDaemon({
        ...await daemonOptions(context, given, log),
        makeSecrets: true,
        startEdge: edgeStarter(port, host, context.version),
      }, { signal: context.signal, onReady: (ready) => announce(ready) });
    });

  config(program.command("core")).description("the core alone; edges connect over the bus")
    .action(async ({ config: given }) => {
      const log = await openProcessLog(context);
      await runDaemon({
        ...await daemonOptions(context, given, log),
        makeSecrets: false,
        startEdge: undefined,
      }, {
        signal: context.signal,
        onReady: ({ adminUrl }) => say(`nexo core is ready: ${adminUrl}`),
      });
    });

  config(program.command("check")).description(
    "every problem of the config, with its place and the fix; exit 1 on errors",
  )
    .option("--json", "print an array")
    .action(async ({ config: given, json }) => {
      const configDir = await findConfig(context, given);
      const { problems } = await loadSettings({ configDir, env });
      if (json === true) sayJson(problems);
      else if (problems.length === 0) say(`${configDir}: no problems`);
      else {say(
          formatProblems(problems, { color: process.stdout.isTTY, cwd: context.cwd }),
        );}
      if (problems.some(({ severity }) => severity === "error")) exitWith(1);
    });
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535) {
    throw new InvalidArgumentError("must be a whole number from 0 to 65535");
  }
  return value;
}

async function openProcessLog({ env }: CliContext): Promise<Log> {
  const wanted = env["NEXO_LOG"] ?? "info";
  if (!LOG_LEVELS.includes(wanted as LogLevel)) {
    throw new CodedError(
      "usage",
      `Cannot log at "${wanted}": NEXO_LOG must be one of ${LOG_LEVELS.join(", ")}`,
    );
  }
  return openLog({
    level: wanted as LogLevel,
    pretty: process.stderr.isTTY,
    write: (line) => void process.stderr.write(line.endsWith("\n") ? line : `${line}\n`),
    redact: createRedactor(),
  });
}

async function daemonOptions(
  context: CliContext & { version: string },
  given: string | undefined,
  log: Log,
) {
  return {
    home: context.home,
    configDir: await findConfig(context, given),
    migrationsDir: join(context.packageRoot, "migrations"),
    env: context.env,
    version: context.version,
    log,
    now: Date.now,
    random: createPooledRandom(),
    pid: process.pid,
  };
}

function edgeStarter(port: number, hostname: string, version: string): StartEdge {
  return (options) => startNodeEdge({ ...options, port, hostname, version });
}

/** `--config`, else `NEXO_CONFIG`, else `./config` when it has agents, else a copy of ours. */
async function findConfig(
  { env, cwd, home, packageRoot }: CliContext,
  given: string | undefined,
): Promise<string> {
  const named = given ?? env["NEXO_CONFIG"];
  if (named !== undefined && named !== "") {
    const dir = isAbsolute(named) ? named : resolve(cwd, named);
    if (!await exists(dir)) {
      throw new CodedError(
        "config_invalid",
        `Cannot use config "${dir}": there is no such directory`,
      );
    }
    return dir;
  }
  const local = join(cwd, "config");
  if (await exists(join(local, "agents.yaml"))) return local;
  const own = join(home.root, "config");
  if (!await exists(join(own, "agents.yaml"))) {
    await cp(join(packageRoot, "config"), own, {
      recursive: true,
      errorOnExist: false,
      force: false,
    });
  }
  return own;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false);
}

function announce({ edgeUrl, warnings }: DaemonReady): void {
  const lines = [
    "",
    `  nexo is ready at ${edgeUrl}`,
    "",
    "  In another terminal:",
    "    npx nexo webhook send github              a signed webhook becomes an agent's turn",
    "    npx nexo turns tail --account acme        the turn, on record for its tenant",
    '    npx nexo chat acme "note_add buy milk"    talk to the agent',
    "    npx nexo events tail                      everything as it happens",
    ...(warnings.length === 0
      ? []
      : ["", "  Warnings:", ...warnings.map((warning) => `    ${warning}`)]),
    "",
  ];
  say(lines.join("\n"));
}

/**
 * `nexo dev | core`: the daemon, with an edge or alone.
 *
 * @module
 */
import { join } from "node:path";
import type { Command } from "commander";
import { startNodeEdge } from "../../edge/node.ts";
import { openTracing } from "../../edge/tracing.ts";
import { brokerTokenPath } from "../daemon/home.ts";
import type { DaemonReady } from "../daemon/options.ts";
import { runDaemon } from "../daemon.ts";
import { createPooledRandom } from "../flow/random.ts";
import type { CliContext } from "./command.ts";
import { addConfigOption, findConfig } from "./config_dir.ts";
import { say } from "./print.ts";
import {
  addAddressOptions,
  addJsonOption,
  openProcessLog,
  portOf,
  type ReadyLine,
  sayReady,
} from "./process.ts";

/** Options of both commands. */
interface CoreOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** Adds the commands that run a core. */
export function addRunCommands(program: Command, context: CliContext): void {
  const { env, signal, version } = context;
  addJsonOption(addAddressOptions(addConfigOption(program.command("dev"))))
    .description("core and edge in one process; `npm start` is this")
    .action(async ({ port, host, ...given }: CoreOptions & { port?: number; host: string }) => {
      const options = await daemonOptions(context, given);
      await using _tracing = await openTracing({ ...options, service: "nexo" });
      await runDaemon({
        ...options,
        makeSecrets: true,
        followCode: true,
        startEdge: (options) =>
          startNodeEdge({ ...options, port: portOf(port, env), hostname: host, version }),
      }, {
        signal,
        onReady: (ready) =>
          given.json === true
            ? sayReady("dev", readyLine(ready, context))
            : announce(ready, context),
      });
    });

  addJsonOption(addConfigOption(program.command("core")))
    .description("the core alone; edges connect over the bus")
    .action(async (given: CoreOptions) => {
      const options = await daemonOptions(context, given);
      await using _tracing = await openTracing({ ...options, service: "nexo-core" });
      await runDaemon({
        ...options,
        makeSecrets: false,
        followCode: false,
        startEdge: undefined,
      }, {
        signal,
        onReady: (ready) =>
          given.json === true
            ? sayReady("core", readyLine(ready, context))
            : say(`nexo core is ready: ${ready.adminUrl}`),
      });
    });
}

async function daemonOptions(context: CliContext, { config, json }: CoreOptions) {
  return {
    home: context.home,
    configDir: await findConfig(context, config),
    migrationsDir: join(context.packageRoot, "migrations"),
    env: context.env,
    version: context.version,
    log: await openProcessLog(context, { json }),
    now: Date.now,
    random: createPooledRandom(),
    pid: process.pid,
  };
}

function readyLine(
  { adminUrl, edgeUrl, chatUrl, consoleUrl, brokerUrl, warnings }: DaemonReady,
  { home }: Pick<CliContext, "home">,
): ReadyLine {
  return {
    admin_url: adminUrl,
    edge_url: edgeUrl ?? null,
    chat_url: chatUrl ?? null,
    console_url: consoleUrl ?? null,
    broker_url: brokerUrl ?? null,
    broker_token_file: brokerUrl === undefined ? null : brokerTokenPath(home),
    warnings,
  };
}

function announce(
  { edgeUrl, chatUrl, consoleUrl, brokerUrl, warnings }: DaemonReady,
  { home }: Pick<CliContext, "home">,
): void {
  const lines = [
    "",
    `  nexo is ready at ${edgeUrl}`,
    ...(chatUrl === undefined ? [] : [`  chat: ${chatUrl}`]),
    ...(consoleUrl === undefined ? [] : [`  console, once: ${consoleUrl}`]),
    ...(brokerUrl === undefined
      ? []
      : [`  broker for NATS clients: ${brokerUrl} (token in ${brokerTokenPath(home)})`]),
    "",
    "  In another terminal:",
    "    npx nexo webhook send github              a signed webhook becomes an agent's turn",
    "    npx nexo turns tail --account acme        the turn, on record for its tenant",
    '    npx nexo chat acme "note_add buy milk"    talk to the agent',
    "    npx nexo events tail                      everything as it happens",
    "    npx nexo console                          a new link to the console",
    ...(warnings.length === 0
      ? []
      : ["", "  Warnings:", ...warnings.map((warning) => `    ${warning}`)]),
    "",
  ];
  say(lines.join("\n"));
}

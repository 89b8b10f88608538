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
import { addAddressOptions, openProcessLog, portOf } from "./process.ts";

/** Adds the commands that run a core. */
export function addRunCommands(program: Command, context: CliContext): void {
  const { env, signal, version } = context;
  addAddressOptions(addConfigOption(program.command("dev")))
    .description("core and edge in one process; `npm start` is this")
    .action(async ({ config, port, host }: { config?: string; port?: number; host: string }) => {
      const options = await daemonOptions(context, config);
      await using _tracing = await openTracing({ ...options, service: "nexo" });
      await runDaemon({
        ...options,
        makeSecrets: true,
        followCode: true,
        startEdge: (options) =>
          startNodeEdge({ ...options, port: portOf(port, env), hostname: host, version }),
      }, { signal, onReady: (ready) => announce(ready, context) });
    });

  addConfigOption(program.command("core"))
    .description("the core alone; edges connect over the bus")
    .action(async ({ config }: { config?: string }) => {
      const options = await daemonOptions(context, config);
      await using _tracing = await openTracing({ ...options, service: "nexo-core" });
      await runDaemon({
        ...options,
        makeSecrets: false,
        followCode: false,
        startEdge: undefined,
      }, { signal, onReady: ({ adminUrl }) => say(`nexo core is ready: ${adminUrl}`) });
    });
}

async function daemonOptions(context: CliContext, config: string | undefined) {
  return {
    home: context.home,
    configDir: await findConfig(context, config),
    migrationsDir: join(context.packageRoot, "migrations"),
    env: context.env,
    version: context.version,
    log: await openProcessLog(context),
    now: Date.now,
    random: createPooledRandom(),
    pid: process.pid,
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

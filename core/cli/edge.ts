/**
 * `nexo edge`: an edge whose core is elsewhere, over NATS.
 *
 * @module
 */
import type { Command } from "commander";
import { startNodeEdge } from "../../edge/node.ts";
import { parseEdgeKey, runRemoteEdge } from "../../edge/remote_edge.ts";
import { BrokerConfig, CodedError } from "../contract/mod.ts";
import { natsAuthOf } from "../daemon/bus.ts";
import type { CliContext } from "./command.ts";
import { say } from "./print.ts";
import { addAddressOptions, openProcessLog, portOf } from "./process.ts";

/** Adds the command. All it needs is in its environment; sources come from core. */
export function addEdgeCommand(program: Command, context: CliContext): void {
  const { env, signal, version } = context;
  addAddressOptions(program.command("edge"))
    .description("an edge alone; NEXO_NATS_URL says where the bus is, NEXO_EDGE_KEY seals")
    .action(async ({ port, host }: { port?: number; host: string }) => {
      const natsUrl = env["NEXO_NATS_URL"] ?? "";
      if (natsUrl === "") {
        throw new CodedError(
          "usage",
          "Cannot start an edge: set NEXO_NATS_URL, for example ws://nats:8443",
        );
      }
      const log = await openProcessLog(context);
      await runRemoteEdge({
        listen: (deps) =>
          startNodeEdge({
            ...deps,
            config: undefined,
            port: portOf(port, env),
            hostname: host,
            version,
            log,
          }),
        natsUrl,
        auth: await natsAuthOf(BrokerConfig.parse({}), env),
        edgeKey: parseEdgeKey(env["NEXO_EDGE_KEY"]),
        secretOf: (name) => env[name] === "" ? undefined : env[name],
        log,
      }, { signal, onReady: (url) => say(`nexo edge is ready at ${url}`) });
    });
}

/**
 * `nexo edge`: an edge whose core is elsewhere, over NATS.
 *
 * @module
 */
import type { Command } from "commander";
import { runRemoteNodeEdge } from "../../edge/node_remote.ts";
import { BrokerConfig, CodedError } from "../contract/mod.ts";
import { edgeKeyOf, natsAuthOf } from "../daemon/bus.ts";
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
      await runRemoteNodeEdge({
        natsUrl,
        auth: await natsAuthOf(BrokerConfig.parse({}), env),
        edgeKey: edgeKeyOf(env),
        secretOf: (name) => env[name] === "" ? undefined : env[name],
        port: portOf(port, env),
        hostname: host,
        version,
        log: await openProcessLog(context),
      }, { signal, onReady: (url) => say(`nexo edge is ready at ${url}`) });
    });
}

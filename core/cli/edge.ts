/**
 * `nexo edge`: an edge whose core is elsewhere, over NATS, and the file it may start with.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import type { Command } from "commander";
import { startNodeEdge } from "../../edge/node.ts";
import { openTracing } from "../../edge/tracing.ts";
import { parseEdgeKey, runRemoteEdge } from "../../edge/remote_edge.ts";
import { BrokerConfig, CodedError, messageOf } from "../contract/mod.ts";
import { natsAuthOf } from "../daemon/bus.ts";
import { createPooledRandom } from "../flow/random.ts";
import { replaceSecretFile } from "../vault/key_files.ts";
import type { CliContext } from "./command.ts";
import { say, sayJson } from "./print.ts";
import { addAddressOptions, addJsonOption, openProcessLog, portOf, sayReady } from "./process.ts";
import { count } from "./record.ts";

const HOUR_MS = 3_600_000;
const DEFAULT_SNAPSHOT_HOURS = 7 * 24;

/** Adds the commands. All an edge needs is in its environment; sources come from core. */
export function addEdgeCommand(program: Command, context: CliContext): void {
  const { env, cwd, signal, version } = context;
  const edge = addJsonOption(addAddressOptions(program.command("edge")))
    .description("an edge alone; NEXO_NATS_URL says where the bus is, NEXO_EDGE_KEY seals")
    .enablePositionalOptions()
    .option(
      "--config-snapshot <file>",
      "what to start with while core is away; otherwise NEXO_CONFIG_SNAPSHOT",
    )
    .action(async ({ port, host, configSnapshot, json }: {
      port?: number;
      host: string;
      configSnapshot?: string;
      json?: boolean;
    }) => {
      const natsUrl = env["NEXO_NATS_URL"] ?? "";
      if (natsUrl === "") {
        throw new CodedError(
          "usage",
          "Cannot start an edge: set NEXO_NATS_URL, for example ws://nats:8443",
        );
      }
      const log = await openProcessLog(context, { json });
      await using _tracing = await openTracing({ env, service: "nexo-edge", version, log });
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
        snapshot: snapshotFile(configSnapshot ?? env["NEXO_CONFIG_SNAPSHOT"] ?? "", cwd),
        log,
      }, {
        signal,
        onReady: (url) =>
          json === true ? sayReady("edge", { edge_url: url }) : say(`nexo edge is ready at ${url}`),
      });
    });
  addConfigCommand(edge, context);
}

function snapshotFile(given: string, cwd: string) {
  if (given === "") return undefined;
  const path = absolute(given, cwd);
  return { path, read: () => readFile(path, "utf8") };
}

const absolute = (path: string, cwd: string): string =>
  isAbsolute(path) ? path : resolve(cwd, path);

function addConfigCommand(edge: Command, { cwd, daemon }: CliContext): void {
  edge.command("config")
    .description("write what edges know to a file, for edges that must start while core is away")
    .requiredOption("--out <file>", "where to; replaced as a whole, readable by its owner only")
    .option("--ttl <hours>", "how long edges may start with it", count, DEFAULT_SNAPSHOT_HOURS)
    .option("--without-secrets", "leave the secrets out: edges take them from their environment")
    .option("--json", "print what was written about it")
    .action(async ({ out, ttl, withoutSecrets, json }: {
      out: string;
      ttl: number;
      withoutSecrets?: boolean;
      json?: boolean;
    }) => {
      const { snapshot, ...about } = await (await daemon()).call<{
        snapshot: string;
        sealed: boolean;
        sources: number;
        expires_at_ms: number;
      }>("edge/config", { ttl_ms: ttl * HOUR_MS, without_secrets: withoutSecrets === true });
      const file = absolute(out, cwd);
      await replaceSecretFile(file, createPooledRandom(), snapshot).catch((cause: unknown) => {
        const message = `Cannot write "${file}": ${messageOf(cause)}`;
        throw new CodedError("config_invalid", message, { cause });
      });
      if (json === true) return sayJson({ file, ...about });
      const kind = about.sealed ? "sealed" : "not sealed, without secrets";
      const until = new Date(about.expires_at_ms).toISOString();
      say(`${file}: ${about.sources} sources, ${kind}, good until ${until}`);
    });
}

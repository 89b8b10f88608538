/**
 * The bus the settings ask for: in process, or over a NATS server.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import type { Bus } from "../bus/bus.ts";
import { parseEdgeKey } from "../bus/handoff_seal.ts";
import { openLocalBus } from "../bus/local.ts";
import { openNatsBus } from "../bus/nats.ts";
import type { NatsAuth } from "../bus/nats_address.ts";
import { type BrokerConfig, type Clock, CodedError } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** What a bus is opened from. `NEXO_NATS_URL` and `NEXO_NATS_CREDS` win over the file. */
export interface BusDeps {
  readonly broker: BrokerConfig;
  readonly env: Env;
  readonly now: Clock;
  readonly log: Log;
}

/** Opens the bus. @throws {CodedError} `bus_unreachable`, `bus_unauthorized`, `config_invalid` */
export async function openBus({ broker, env, now, log }: BusDeps): Promise<Bus> {
  const url = env["NEXO_NATS_URL"] ?? broker.url;
  const isRemote = broker.type === "nats" || env["NEXO_NATS_URL"] !== undefined;
  if (!isRemote) {
    return openLocalBus({ onError: (error) => log.error("bus.subscriber_failed", { error }) });
  }
  if (url === undefined || url === "") {
    throw new CodedError(
      "config_invalid",
      "Cannot connect to NATS: set broker.url in broker.yaml or NEXO_NATS_URL",
    );
  }
  const sealKey = parseEdgeKey(env["NEXO_EDGE_KEY"]);
  return openNatsBus({
    url,
    auth: await natsAuthOf(broker, env),
    name: "nexo-core",
    jetStream: broker.jetstream === "auto" ? "auto" : broker.jetstream === "on",
    ...(sealKey === undefined ? {} : { sealKey }),
    now,
    log,
  });
}

/** How to sign in, from the file or `NEXO_NATS_CREDS`; undefined for what the URL says. */
export async function natsAuthOf(
  { auth }: Pick<BrokerConfig, "auth">,
  env: Env,
): Promise<NatsAuth | undefined> {
  const credsFile = env["NEXO_NATS_CREDS"];
  if (credsFile !== undefined && credsFile !== "") {
    return { creds: await readFile(credsFile, "utf8") };
  }
  if (!auth.enabled) return undefined;
  if (auth.creds_file !== undefined) return { creds: await readFile(auth.creds_file, "utf8") };
  if (auth.nkey_file !== undefined) {
    return { nkeySeed: (await readFile(auth.nkey_file, "utf8")).trim() };
  }
  if (auth.token !== undefined) return { token: auth.token };
  if (auth.user !== undefined) return { user: auth.user, pass: auth.password ?? "" };
  throw new CodedError(
    "config_invalid",
    "Cannot sign in to NATS: broker.auth is enabled and names no token, user, nkey_file or creds_file",
  );
}

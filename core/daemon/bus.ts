/**
 * The bus the settings ask for: in process, in process with a door for NATS clients, or over NATS.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import type { Bus } from "../bus/bus.ts";
import { parseEdgeKey } from "../bus/handoff_seal.ts";
import { openBroker } from "../bus/broker.ts";
import { openHandoffBridge } from "../bus/broker_handoffs.ts";
import { type LocalBus, openLocalBus } from "../bus/local.ts";
import { openNatsBus } from "../bus/nats.ts";
import type { NatsAuth } from "../bus/nats_address.ts";
import { type BrokerConfig, type Clock, CodedError } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** What a bus is opened from. `NEXO_NATS_URL` and `NEXO_NATS_CREDS` win over the file. */
export interface BusDeps {
  readonly broker: BrokerConfig;
  readonly env: Env;
  /** What clients of the embedded broker must show. */
  readonly brokerToken: string;
  readonly now: Clock;
  readonly log: Log;
}

/** A bus, and where clients of its embedded broker find it. */
export interface OpenedBus extends AsyncDisposable {
  readonly bus: Bus;
  readonly brokerUrl: string | undefined;
}

/**
 * Opens the bus.
 *
 * @throws {CodedError} `bus_unreachable`, `bus_unauthorized`, `config_invalid`, `port_in_use`
 */
export async function openBus(deps: BusDeps): Promise<OpenedBus> {
  const { broker, env } = deps;
  const isRemote = broker.type === "nats" || env["NEXO_NATS_URL"] !== undefined;
  if (!isRemote && broker.type === "embedded") return openEmbedded(deps);
  const bus = isRemote ? await openRemote(deps) : openLocal(deps);
  return { bus, brokerUrl: undefined, [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose]() };
}

function openLocal({ broker, log }: BusDeps): LocalBus {
  return openLocalBus({
    queueLimit: broker.limits.max_pending,
    onError: (error) => log.error("bus.subscriber_failed", { error }),
  });
}

/** The local bus behind a broker of this process, so that edges need no NATS server. */
async function openEmbedded(deps: BusDeps): Promise<OpenedBus> {
  const { broker: { embedded, limits }, env, brokerToken, log } = deps;
  const bus = openLocal(deps);
  const sealKey = parseEdgeKey(env["NEXO_EDGE_KEY"]);
  const bridge = await openHandoffBridge({ bus, sealKey });
  const door = await openBroker({
    router: bus.router,
    token: brokerToken,
    port: embedded.port,
    hostname: embedded.host,
    maxPayloadBytes: limits.max_payload_bytes,
    log,
  });
  log.info("broker.listening", { url: door.url });
  return {
    bus,
    brokerUrl: door.url,
    async [Symbol.asyncDispose]() {
      await door[Symbol.asyncDispose]();
      bridge[Symbol.dispose]();
      await bus[Symbol.asyncDispose]();
    },
  };
}

async function openRemote({ broker, env, now, log }: BusDeps): Promise<Bus> {
  const url = env["NEXO_NATS_URL"] ?? broker.url;
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

/**
 * An edge with its core elsewhere, over NATS, on whatever runtime starts it.
 *
 * @module
 */
import { openHandoffSeal } from "../core/bus/handoff_seal.ts";

export { parseEdgeKey } from "../core/bus/handoff_seal.ts";
import { EDGE_SEALED, sealBus } from "../core/bus/sealed_bus.ts";
import { type ExchangeClient, openExchangeClient } from "../core/bus/exchanges/client.ts";
import { openNatsBus } from "../core/bus/nats.ts";
import type { NatsAuth } from "../core/bus/nats_address.ts";
import {
  EDGE_SNAPSHOT_FORMAT,
  type EdgeConfig,
  type Random,
  readFrame,
  subjects,
} from "../core/contract/mod.ts";
import type { Bus } from "../core/bus/bus.ts";
import type { Log } from "../core/flow/log.ts";
import { encodeHex } from "../core/signing/bytes.ts";
import { followRemoteConfig, withOwnSecrets } from "./remote_config.ts";
import { readSnapshot, type SnapshotFile } from "./snapshot.ts";

/** An edge that listens. */
export interface ListeningEdge extends AsyncDisposable {
  readonly url: string;
  readonly apply: (config: EdgeConfig) => unknown;
}

/** Settings of {@linkcode runRemoteEdge}. */
export interface RemoteEdgeOptions {
  /** Listens with the runtime's own server; nothing is configured yet. */
  readonly listen: (deps: {
    readonly bus: Bus;
    readonly exchanges: ExchangeClient;
    /** Signs visitors' cookies; the same on all edges of one key. */
    readonly visitorSecret: string;
    readonly authorize: (request: Request) => Promise<boolean>;
  }) => Promise<ListeningEdge>;
  /** `ws://` or `wss://` of the NATS server, or of core's embedded broker. */
  readonly natsUrl: string;
  readonly auth: NatsAuth | undefined;
  /** `NEXO_EDGE_KEY`; without it secrets come from this edge's environment. */
  readonly edgeKey: Uint8Array | undefined;
  readonly secretOf: (name: string) => string | undefined;
  /** What to start with while core is away; core's own word replaces it. */
  readonly snapshot: SnapshotFile | undefined;
  readonly log: Log;
}

const AUTHORIZE_LIMIT_MS = 5_000;
const random: Random = (bytes) => crypto.getRandomValues(bytes);

/**
 * Runs an edge until `signal` aborts. `onReady` hears its address once it knows its sources: from core,
 * or from the snapshot it was given.
 *
 * @throws {CodedError} `bus_unreachable`, `bus_unauthorized`, `port_in_use`, `sealed_unreadable`;
 * `config_invalid` when the snapshot is no good
 */
export async function runRemoteEdge(
  options: RemoteEdgeOptions,
  { signal, onReady }: { signal: AbortSignal; onReady: (url: string) => void },
): Promise<void> {
  const { natsUrl, auth, edgeKey, secretOf, log } = options;
  const snapshot = await snapshotOf(options);
  await using bus = await openNatsBus({
    url: natsUrl,
    auth,
    name: "nexo-edge",
    ...(edgeKey === undefined ? {} : { sealKey: edgeKey }),
    now: Date.now,
    log,
  });
  await using sealed = await sealBus(bus, { ...EDGE_SEALED, key: edgeKey, random, log });
  const seal = await openHandoffSeal({
    key: edgeKey,
    subject: subjects.edgeConfigPush,
    random,
    what: "the configuration core sent",
  });
  await using exchanges = await openExchangeClient({
    bus,
    key: edgeKey,
    now: Date.now,
    random,
    log,
  });
  await using edge = await options.listen({
    exchanges,
    bus: sealed,
    visitorSecret: await visitorSecretOf(edgeKey),
    authorize: (request) => isOperator(bus, request),
  });
  let isReady = false;
  function apply(config: EdgeConfig): void {
    edge.apply(withOwnSecrets(config, secretOf));
    if (isReady) return;
    isReady = true;
    onReady(edge.url);
  }
  if (snapshot !== undefined) apply(snapshot);
  const unwrap = (message: Uint8Array): Promise<Uint8Array> => seal.unwrap(message);
  await followRemoteConfig({ bus, unwrap, isConfigured: isReady, log, signal }, apply);
}

async function snapshotOf(
  { snapshot, edgeKey, log }: RemoteEdgeOptions,
): Promise<EdgeConfig | undefined> {
  if (snapshot === undefined) return undefined;
  const seal = await openHandoffSeal({ key: edgeKey, subject: EDGE_SNAPSHOT_FORMAT, random });
  return readSnapshot(snapshot, {
    unwrap: (message) => seal.unwrap(message),
    hasKey: edgeKey !== undefined,
    now: Date.now,
    log,
  });
}

async function visitorSecretOf(edgeKey: Uint8Array | undefined): Promise<string> {
  if (edgeKey === undefined) return crypto.randomUUID();
  const text = new TextEncoder().encode(`visitors ${encodeHex(edgeKey)}`);
  return encodeHex(new Uint8Array(await crypto.subtle.digest("SHA-256", text)));
}

/** Core's own word: a call that only an operator's token may make. */
async function isOperator(bus: Bus, request: Request): Promise<boolean> {
  const authorization = request.headers.get("authorization");
  if (authorization === null) return false;
  const call = { jsonrpc: "2.0", id: 1, method: "nexo/operator/status", params: {} };
  try {
    const body = new TextEncoder().encode(JSON.stringify(call));
    const options = { headers: { authorization }, timeoutMs: AUTHORIZE_LIMIT_MS };
    const { data } = await bus.request(subjects.admin, body, options);
    return readFrame(JSON.parse(new TextDecoder().decode(data))).type === "result";
  } catch {
    // Whatever went wrong, nobody has vouched for the caller.
    return false;
  }
}

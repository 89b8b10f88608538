/**
 * The bus over a NATS server.
 *
 * @module
 */
import { type Clock, codeOf, messageOf, type Random, subjects } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import type { Bus } from "./bus.ts";
import { openHandoffSeal } from "./handoff_seal.ts";
import type { NatsAuth } from "./nats_address.ts";
import { createAsks } from "./nats_asks.ts";
import { createNatsBus } from "./nats_bus.ts";
import { createDial, createInbox } from "./nats_dial.ts";
import {
  type IngestStream,
  type IngestStreamDeps,
  openIngestStream,
} from "./nats_ingest_stream.ts";
import { openLink } from "./nats_link.ts";

/** Settings of {@linkcode openNatsBus}. */
export interface NatsBusOptions {
  /** `ws://` or `wss://` of the server's WebSocket port; several of one cluster, comma-separated. */
  readonly url: string;
  /** Absent: the name, password or token in `url`, if any. */
  readonly auth?: NatsAuth | undefined;
  /** What the server shows for this connection. */
  readonly name: string;
  /** Whether hand-offs wait for core in JetStream; `auto`: when the server has it. @default {"auto"} */
  readonly jetStream?: boolean | "auto" | undefined;
  /** `NEXO_EDGE_KEY`, 32 bytes or more: hand-offs are sealed, and unsealed ones refused. */
  readonly sealKey?: Uint8Array | undefined;
  readonly now: Clock;
  readonly log: Log;
  /** @default {crypto.getRandomValues} */
  readonly random?: Random | undefined;
  /** Requests one responder may have under way. @default {1024} */
  readonly answerLimit?: number | undefined;
  /** When a hand-off given to a core that vanished goes to the next, in milliseconds. @default {15000} */
  readonly ackWaitMs?: number | undefined;
}

/**
 * Connects, and stays connected: losses are mended for ever, in the background.
 *
 * @throws {CodedError} `bus_unreachable` or `bus_unauthorized` with the reason, at the first failure;
 * `config_invalid` when `jetStream` is true and the server has none
 */
export async function openNatsBus(options: NatsBusOptions): Promise<Bus> {
  const { url, auth, name, jetStream = "auto", now, log } = options;
  const { answerLimit = 1024, ackWaitMs = 15_000 } = options;
  const random = options.random ?? ((bytes) => crypto.getRandomValues(bytes));
  const seal = await openHandoffSeal({ key: options.sealKey, subject: subjects.ingest, random });
  const dial = createDial({ url, auth, name, random });
  const link = await openLink({ dial, inbox: createInbox(), now, random, log });
  try {
    const asks = createAsks(link);
    const deps = { link, asks, random, log, ackWaitMs };
    const stream = jetStream === false ? undefined : await findStream(deps, jetStream === "auto");
    return createNatsBus({ link, asks, seal, stream, log, answerLimit });
  } catch (error) {
    await link[Symbol.asyncDispose]();
    throw error;
  }
}

async function findStream(
  deps: IngestStreamDeps,
  isOptional: boolean,
): Promise<IngestStream | undefined> {
  try {
    return await openIngestStream(deps);
  } catch (error) {
    if (!isOptional || codeOf(error) !== "config_invalid") throw error;
    deps.log.info("bus.without_jetstream", { reason: messageOf(error) });
    return undefined;
  }
}

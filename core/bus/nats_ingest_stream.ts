/**
 * The JetStream stream where hand-offs wait for core: stored at the edge, pulled and acknowledged by core.
 *
 * Spoken as JetStream's own JSON over request and reply, so that it needs no client library.
 *
 * @module
 */
import { z } from "zod";
import {
  CodedError,
  codeOf,
  type Handoff,
  messageOf,
  type Outcome,
  type Random,
} from "../contract/mod.ts";
import { backoffMs } from "../flow/backoff.ts";
import { openDeadline } from "../flow/deadline.ts";
import { delay } from "../flow/delay.ts";
import type { Log } from "../flow/log.ts";
import { encodeHex } from "../signing/bytes.ts";
import type { Asks } from "./nats_asks.ts";
import { type Delivery, pullDeliveries } from "./nats_pull.ts";
import { createSettler } from "./nats_settler.ts";
import type { Link } from "./nats_link.ts";

/** Hand-offs at rest between edge and core. */
export interface IngestStream {
  /**
   * Resolves when the server has the message in its file store.
   *
   * @throws {CodedError} `store_full` when it has no room; else as {@linkcode Asks.ask}
   */
  store(data: Uint8Array): Promise<void>;
  /** Brings every stored message to `handler` until `signal` aborts; resolves when that has ended. */
  serve(
    options: { signal: AbortSignal; open: (data: Uint8Array) => Promise<Handoff[]> },
    handler: (handoffs: readonly Handoff[]) => Promise<Outcome[]>,
  ): Promise<void>;
}

/** What {@linkcode openIngestStream} needs. */
export interface IngestStreamDeps {
  readonly link: Link;
  readonly asks: Asks;
  readonly random: Random;
  readonly log: Log;
  /** When a message that a vanished core was given goes to the next one, in milliseconds. */
  readonly ackWaitMs: number;
}

/** The stream's name. */
const INGEST_STREAM = "NEXO_INGEST";
const SUBJECT = "nexo.ingest";
const CONSUMER = "core";

const NANOS_PER_MS = 1_000_000;
/** An edge sends a message again within this time only; later, the inbox knows it. */
const DUPLICATE_WINDOW_MS = 120_000;
const API_LIMIT_MS = 3000;
/** How long an edge tries to store one message, through a restart of the server. */
const STORE_LIMIT_MS = 10_000;
const STORE_TRY_MS = 3000;
const STORE_PAUSE = { firstMs: 100, maxMs: 1000 };
const PULL_PAUSE = { firstMs: 200, maxMs: 5000 };

const ApiReply = z.looseObject({
  error: z.looseObject({
    code: z.int(),
    err_code: z.int().optional(),
    description: z.string().default("no reason given"),
  }).optional(),
});
type ApiError = NonNullable<z.infer<typeof ApiReply>["error"]>;

const StreamInfo = z.looseObject({
  config: z.looseObject({
    subjects: z.array(z.string()).default([]),
    storage: z.string(),
    duplicate_window: z.number().default(0),
  }),
});

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Finds the stream, or makes it.
 *
 * @throws {CodedError} `config_invalid` when the server has no JetStream for these credentials
 */
export async function openIngestStream(deps: IngestStreamDeps): Promise<IngestStream> {
  const { link, asks, random, log, ackWaitMs } = deps;
  let serving = 0;

  async function call(subject: string, body?: unknown): Promise<unknown> {
    const data = encoder.encode(body === undefined ? "" : JSON.stringify(body));
    const answer = await asks.ask({ subject, data }, { timeoutMs: API_LIMIT_MS });
    return JSON.parse(decoder.decode(answer.data)) as unknown;
  }

  async function ensureStream(): Promise<void> {
    const found = await call(`$JS.API.STREAM.INFO.${INGEST_STREAM}`);
    const missing = errorOf(found);
    if (missing === undefined) return warnOfStream(found, log);
    if (missing.code !== 404) throw refused("find stream", missing);
    const failed = errorOf(await call(`$JS.API.STREAM.CREATE.${INGEST_STREAM}`, STREAM_CONFIG));
    if (failed !== undefined) throw refused("make stream", failed);
    log.info("ingest.stream_made", { stream: INGEST_STREAM });
  }

  async function ensureConsumer(): Promise<void> {
    await ensureStream();
    const failed = errorOf(
      await call(`$JS.API.CONSUMER.DURABLE.CREATE.${INGEST_STREAM}.${CONSUMER}`, {
        stream_name: INGEST_STREAM,
        config: {
          durable_name: CONSUMER,
          deliver_policy: "all",
          replay_policy: "instant",
          ack_policy: "explicit",
          ack_wait: ackWaitMs * NANOS_PER_MS,
          max_deliver: -1,
        },
      }),
    );
    if (failed !== undefined) throw refused("make consumer", failed);
  }

  async function storeOnce(data: Uint8Array, id: string): Promise<void> {
    const headers = { "Nats-Msg-Id": id };
    const answer = await asks.ask({ subject: SUBJECT, data, headers }, { timeoutMs: STORE_TRY_MS });
    const failed = errorOf(JSON.parse(decoder.decode(answer.data)));
    if (failed === undefined) return;
    const message = `Cannot store a hand-off in "${INGEST_STREAM}": ${failed.description}`;
    throw new CodedError("store_full", message);
  }

  /** What may help before the same message is sent again. */
  async function mend(error: unknown, failures: number, signal: AbortSignal): Promise<void> {
    await delay(backoffMs(failures, STORE_PAUSE), { signal });
    await link.ready(signal);
    if (codeOf(error) === "bus_no_responder") await ensureStream().catch(() => undefined);
  }

  /** Whoever has nobody left to handle it gives it back at once. */
  const reply = (delivery: Delivery, verdict: string): void => {
    try {
      link.send({ subject: delivery.ackSubject, data: encoder.encode(verdict) });
    } catch (error) {
      // It comes again when its time is up, and the inbox knows what it has.
      log.warn("ingest.ack_lost", { code: codeOf(error) });
    }
  };

  await assertJetStream(call);
  await ensureStream();

  return {
    async store(data) {
      if (link.status() === "reconnecting") {
        throw new CodedError("bus_unreachable", "Cannot store a hand-off: the bus is reconnecting");
      }
      const id = encodeHex(random(new Uint8Array(16)));
      using deadline = openDeadline(undefined, STORE_LIMIT_MS);
      for (let failures = 1;; failures++) {
        try {
          return await storeOnce(data, id);
        } catch (error) {
          if (!MENDABLE.has(codeOf(error))) throw error;
          try {
            await mend(error, failures, deadline.signal);
          } catch {
            throw error;
          }
        }
      }
    },
    async serve({ signal, open }, handler) {
      const settler = createSettler({ open, handler, reply, log });
      const inbox = `${link.inbox}.pull${++serving}`;
      let failures = 0;
      while (!signal.aborted) {
        try {
          await link.ready(signal);
          await ensureConsumer();
          failures = 0;
          const next = `$JS.API.CONSUMER.MSG.NEXT.${INGEST_STREAM}.${CONSUMER}`;
          await pullDeliveries({ link, inbox, next, signal, settler });
        } catch (error) {
          if (signal.aborted) break;
          failures += 1;
          log.warn("ingest.pull_broken", { code: codeOf(error), error: messageOf(error) });
          await delay(backoffMs(failures, PULL_PAUSE), { signal }).catch(() => undefined);
        }
      }
      await settler.stop();
    },
  };
}

/** Failures that a reconnection or a little time may end. */
const MENDABLE: ReadonlySet<string> = new Set([
  "bus_no_responder",
  "bus_timeout",
  "bus_unreachable",
]);

const STREAM_CONFIG = {
  name: INGEST_STREAM,
  subjects: [SUBJECT],
  storage: "file",
  // What core has committed has no business here.
  retention: "workqueue",
  // A full stream refuses what is new: what was accepted is kept.
  discard: "new",
  duplicate_window: DUPLICATE_WINDOW_MS * NANOS_PER_MS,
  max_age: 0,
  max_msgs: -1,
  max_bytes: -1,
  num_replicas: 1,
};

async function assertJetStream(call: (subject: string) => Promise<unknown>): Promise<void> {
  let reason: string | undefined;
  try {
    reason = errorOf(await call("$JS.API.INFO"))?.description;
  } catch (cause) {
    const state = codeOf(cause) === "bus_no_responder"
      ? "the server has none"
      : codeOf(cause) === "bus_timeout"
      ? "these credentials may not use it"
      : undefined;
    if (state === undefined) throw cause;
    throw new CodedError("config_invalid", `Cannot use JetStream: ${state}`, { cause });
  }
  if (reason !== undefined) {
    throw new CodedError("config_invalid", `Cannot use JetStream: ${reason}`);
  }
}

function errorOf(reply: unknown): ApiError | undefined {
  return ApiReply.parse(reply).error;
}

/** A stream made by hand may be better than ours, or worse. */
function warnOfStream(found: unknown, log: Log): void {
  const { config } = StreamInfo.parse(found);
  if (!config.subjects.includes(SUBJECT)) {
    const message =
      `Cannot use stream "${INGEST_STREAM}": it does not hold "${SUBJECT}"; add that subject`;
    throw new CodedError("config_invalid", message);
  }
  if (config.storage !== "file") log.warn("ingest.stream_not_on_disk", { storage: config.storage });
  if (config.duplicate_window < DUPLICATE_WINDOW_MS * NANOS_PER_MS) {
    log.warn("ingest.stream_forgets_ids", {
      windowMs: config.duplicate_window / NANOS_PER_MS,
      wantedMs: DUPLICATE_WINDOW_MS,
    });
  }
}

function refused(action: string, { description, err_code }: ApiError): CodedError {
  const message = `Cannot ${action} "${INGEST_STREAM}": ${description} (${err_code ?? "no code"})`;
  return new CodedError("config_invalid", message);
}

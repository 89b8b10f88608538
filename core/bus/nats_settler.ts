/**
 * Brings stored messages to core in order, and tells the stream what became of each.
 *
 * @module
 */
import { CodedError, codeOf, type Handoff, messageOf, type Outcome } from "../contract/mod.ts";
import { backoffMs } from "../flow/backoff.ts";
import { delay } from "../flow/delay.ts";
import type { Log } from "../flow/log.ts";
import type { Delivery, DeliverySink } from "./nats_pull.ts";

/** What {@linkcode createSettler} needs. */
export interface SettlerDeps {
  readonly open: (data: Uint8Array) => Promise<Handoff[]>;
  readonly handler: (handoffs: readonly Handoff[]) => Promise<Outcome[]>;
  /** Answers a delivery in JetStream's words. */
  readonly reply: (delivery: Delivery, verdict: string) => void;
  readonly log: Log;
}

/** Takes deliveries, and can be stopped. */
export interface Settler extends DeliverySink {
  /** Gives back what waits; resolves when what is under way has ended, or after a bound. */
  stop(): Promise<void>;
}

interface Opened {
  readonly delivery: Delivery;
  readonly handoffs: readonly Handoff[];
}

/** Hand-offs in one call of the handler, about. */
const BATCH_HANDOFFS = 256;
/** Pause before a message that could not be committed comes again. */
const AGAIN = { firstMs: 1000, maxMs: 60_000 };
/** Pause when only another key can help. */
const OTHER_KEY_MS = 30_000;
const STOP_LIMIT_MS = 5000;
const NANOS_PER_MS = 1_000_000;

/** A settler with nothing to do. */
export function createSettler({ open, handler, reply, log }: SettlerDeps): Settler {
  let queue: Delivery[] = [];
  let working: Promise<void> | undefined;
  let stopped = false;

  const again = (delivery: Delivery, delayMs: number): void =>
    reply(delivery, `-NAK ${JSON.stringify({ delay: delayMs * NANOS_PER_MS })}`);

  const later = (delivery: Delivery): void =>
    again(delivery, backoffMs(delivery.deliveries, AGAIN));

  async function openDelivery(delivery: Delivery): Promise<Opened | undefined> {
    try {
      return { delivery, handoffs: await open(delivery.data) };
    } catch (error) {
      log.error("ingest.message_unreadable", { code: codeOf(error), error: messageOf(error) });
      // With the right key it may still be read; nonsense stays nonsense.
      if (codeOf(error) === "envelope_invalid") reply(delivery, "+TERM");
      else again(delivery, OTHER_KEY_MS);
      return undefined;
    }
  }

  async function nextBatch(): Promise<Opened[]> {
    const batch: Opened[] = [];
    let count = 0;
    while (count < BATCH_HANDOFFS) {
      const delivery = queue.shift();
      if (delivery === undefined) break;
      const opened = await openDelivery(delivery);
      if (opened === undefined) continue;
      batch.push(opened);
      count += opened.handoffs.length;
    }
    return batch;
  }

  async function settle(batch: readonly Opened[]): Promise<void> {
    const handoffs = batch.flatMap((opened) => opened.handoffs);
    try {
      const outcomes = await handler(handoffs);
      if (outcomes.length !== handoffs.length) throw miscount(handoffs.length, outcomes.length);
      let at = 0;
      for (const opened of batch) {
        judge(opened, outcomes.slice(at, at += opened.handoffs.length));
      }
    } catch (error) {
      log.error("ingest.commit_failed", { code: codeOf(error), error: messageOf(error) });
      for (const { delivery } of batch) later(delivery);
    }
  }

  /** One message has one fate: it comes again while any of its hand-offs may still be taken. */
  function judge({ delivery, handoffs }: Opened, outcomes: readonly Outcome[]): void {
    let [retry, kept] = [false, handoffs.length === 0];
    outcomes.forEach((outcome, i) => {
      if (outcome.kind !== "refused") kept = true;
      else if (outcome.retryable) retry = true;
      else {
        const { source_id: source, envelope_id } = handoffs[i]?.envelope ?? {};
        log.error("ingest.refused_for_good", { source, envelope_id, code: outcome.code });
      }
    });
    if (retry) later(delivery);
    else reply(delivery, kept ? "+ACK" : "+TERM");
  }

  async function work(): Promise<void> {
    // What arrived in the same piece of the stream shares a commit.
    await Promise.resolve();
    while (queue.length > 0 && !stopped) await settle(await nextBatch());
    working = undefined;
  }

  return {
    push(delivery) {
      if (stopped) return again(delivery, 0);
      queue.push(delivery);
      working ??= work();
    },
    idle: async () => working,
    async stop() {
      stopped = true;
      for (const delivery of queue) again(delivery, 0);
      queue = [];
      const limit = new AbortController();
      await Promise.race([
        working,
        delay(STOP_LIMIT_MS, { signal: limit.signal }).catch(() => undefined),
      ]);
      limit.abort();
    },
  };
}

function miscount(expected: number, got: number): CodedError {
  return new CodedError("internal", `Cannot hand off: ${got} outcomes for ${expected} envelopes`);
}

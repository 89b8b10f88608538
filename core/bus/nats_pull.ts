/**
 * Pulls messages from a JetStream consumer, one request for many after another.
 *
 * @module
 */
import { CodedError } from "../contract/mod.ts";
import type { InFrame, Link } from "./nats_link.ts";

/** A stored message in hand; it comes again unless it is acknowledged. */
export interface Delivery {
  readonly data: Uint8Array;
  readonly ackSubject: string;
  /** How often it was delivered, this time included. */
  readonly deliveries: number;
}

/** Where deliveries go. */
export interface DeliverySink {
  push(delivery: Delivery): void;
  /** Resolves when it has room for another pull's worth. */
  idle(): Promise<void>;
}

/** Messages asked for at once; with their size this bounds what core holds. */
const PULL_MESSAGES = 16;
const PULL_EXPIRES_MS = 20_000;
const HEARTBEAT_MS = 2000;
/** After this much silence the server has forgotten the pull. */
const SILENCE_MS = 3 * HEARTBEAT_MS;
const NANOS_PER_MS = 1_000_000;

const PULL = new TextEncoder().encode(JSON.stringify({
  batch: PULL_MESSAGES,
  expires: PULL_EXPIRES_MS * NANOS_PER_MS,
  idle_heartbeat: HEARTBEAT_MS * NANOS_PER_MS,
}));

/**
 * Pulls until `signal` aborts.
 *
 * @throws {CodedError} `bus_unreachable`, `bus_timeout` or `bus_no_responder` when the consumer is gone
 */
export async function pullDeliveries({ link, inbox, next, signal, settler }: {
  readonly link: Link;
  /** For these deliveries only. */
  readonly inbox: string;
  /** The consumer's subject for pulls. */
  readonly next: string;
  readonly signal: AbortSignal;
  readonly settler: DeliverySink;
}): Promise<void> {
  let pull: Pull | undefined;
  let count = 0;
  const unlisten = link.listen({
    pattern: `${inbox}.*`,
    hear(frame) {
      if (frame.status === 0) settler.push(deliveryOf(frame));
      pull?.hear(frame);
    },
  });
  const unlost = link.onLost((error) => pull?.fail(error));
  const stop = (): void => pull?.fail(signal.reason as Error);
  signal.addEventListener("abort", stop, { once: true });
  try {
    while (!signal.aborted) {
      const reply = `${inbox}.${++count}`;
      pull = openPull(reply);
      link.send({ subject: next, reply, data: PULL });
      await pull.ended;
      await settler.idle();
    }
  } finally {
    pull?.end();
    signal.removeEventListener("abort", stop);
    unlost();
    unlisten();
  }
}

interface Pull {
  readonly ended: Promise<void>;
  hear(frame: InFrame): void;
  fail(error: Error): void;
  end(): void;
}

/** One request for messages: over when it is answered in full or has expired. */
function openPull(reply: string): Pull {
  let left = PULL_MESSAGES;
  let finish = (): void => undefined;
  let fail = (_error: Error): void => undefined;
  const ended = new Promise<void>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  // Whoever waits hears of it; a pull that is left has nobody.
  ended.catch(() => undefined);
  const silent = (): void =>
    fail(new CodedError("bus_timeout", `Cannot pull: silence for ${SILENCE_MS} ms`));
  let timer = setTimeout(silent, SILENCE_MS);
  const end = (): void => {
    clearTimeout(timer);
    finish();
  };
  return {
    ended,
    hear({ subject, status, reply: ack }) {
      // A delivery keeps the subject it was stored under; only the server's own words name the pull.
      if (status !== 0 && subject !== reply) return;
      clearTimeout(timer);
      if (status === 0 && ack !== undefined && --left > 0 || status === 100) {
        timer = setTimeout(silent, SILENCE_MS);
      } else if (status === 0 || status === 404 || status === 408) end();
      else fail(gone(status));
    },
    fail(error) {
      clearTimeout(timer);
      fail(error);
    },
    end,
  };
}

function gone(status: number): CodedError {
  return new CodedError("bus_no_responder", `Cannot pull: the server says ${status}`);
}

/** `$JS.ACK.<stream>.<consumer>.<deliveries>…`, or with domain and account before the stream. */
function deliveryOf({ data, reply }: InFrame): Delivery {
  const ackSubject = reply ?? "";
  const tokens = ackSubject.split(".");
  const deliveries = Number(tokens[tokens.length > 9 ? 6 : 4]);
  return { data, ackSubject, deliveries: Number.isInteger(deliveries) ? deliveries : 1 };
}

/**
 * A bus over a NATS link: our errors, our bounds, and hand-offs that gather.
 *
 * @module
 */
import {
  CodedError,
  codeOf,
  isPattern,
  isSubject,
  messageOf,
  type Outcome,
  subjects,
} from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import type { Bus, Headers } from "./bus.ts";
import { createEndings } from "./endings.ts";
import { createGather } from "./gather.ts";
import {
  decodeHandoffs,
  decodeOutcomes,
  encodeHandoff,
  encodeOutcomes,
  joinParcels,
  type Parcel,
} from "./handoff_codec.ts";
import type { HandoffSeal } from "./handoff_seal.ts";
import type { Asks } from "./nats_asks.ts";
import type { IngestStream } from "./nats_ingest_stream.ts";
import type { InFrame, Link } from "./nats_link.ts";
import { errorReply, lowerHeaders, readReply } from "./reply.ts";

/** What {@linkcode createNatsBus} stands on. */
export interface NatsBusDeps {
  readonly link: Link;
  readonly asks: Asks;
  readonly seal: HandoffSeal;
  /** Where hand-offs wait for core; without it core itself must answer them. */
  readonly stream: IngestStream | undefined;
  readonly log: Log;
  /** Requests one responder may have under way; more are refused with `bus_overflow`. */
  readonly answerLimit: number;
}

/** Bytes of hand-offs in one message; a larger hand-off travels alone. */
const BATCH_BYTES = 256 * 1024;
/** Room for what surrounds hand-offs in a message: seal, headers. */
const FRAME_BYTES = 1024;
/** How long core may take to commit one message of hand-offs. */
const COMMIT_LIMIT_MS = 10_000;
/** Every core that takes hand-offs; each message goes to one. */
const CORE_QUEUE = "nexo.core";

/** Builds a bus; disposing it closes `link`. */
export function createNatsBus(deps: NatsBusDeps): Bus {
  const { link, asks, seal, stream, log, answerLimit } = deps;
  const endings = createEndings();
  const pulls = new Set<Promise<void>>();
  const stopping = new AbortController();
  let closing: Promise<void> | undefined;

  const gather = createGather<Parcel, Outcome>({
    maxSize: Math.min(BATCH_BYTES, link.maxPayloadBytes() - FRAME_BYTES),
    sizeOf: ({ bytes }) => bytes.length,
    async ship(parcels) {
      const data = await seal.wrap(joinParcels(parcels));
      if (stream !== undefined) {
        await stream.store(data);
        return parcels.map(({ envelopeId }) => ({ kind: "accepted", envelope_id: envelopeId }));
      }
      const answer = await asks.ask({ subject: subjects.ingest, data }, {
        timeoutMs: COMMIT_LIMIT_MS,
      });
      return decodeOutcomes(readReply(answer).data, parcels.length);
    },
  });

  function assertOpen(): void {
    if (closing !== undefined) throw closedError();
  }

  function whileOpen(signal: AbortSignal | undefined, start: () => () => void): void {
    assertOpen();
    endings.begin(signal, start);
  }

  /** The asker's timeout tells it when its answer could not leave. */
  function answer(reply: string, { data, headers }: { data: Uint8Array; headers: Headers }): void {
    try {
      link.send({ subject: reply, data, headers });
    } catch (error) {
      if (codeOf(error) === "bus_too_large") link.send({ subject: reply, ...errorReply(error) });
      else log.warn("bus.answer_lost", { code: codeOf(error) });
    }
  }

  function respond(
    pattern: string,
    queue: string | undefined,
    handler: (frame: InFrame) => Promise<Uint8Array>,
  ): () => void {
    let held = 0;
    async function take(frame: InFrame, reply: string): Promise<void> {
      if (held >= answerLimit) return answer(reply, errorReply(overflow(pattern, answerLimit)));
      held += 1;
      const answered = await handler(frame).then((data) => ({ data, headers: {} }), errorReply);
      held -= 1;
      answer(reply, answered);
    }
    return link.listen({
      pattern,
      queue,
      hear(frame) {
        if (frame.reply === undefined) return;
        take(frame, frame.reply).catch((error: unknown) =>
          log.error("bus.answer_failed", { pattern, error: messageOf(error) })
        );
      },
    });
  }

  async function close(): Promise<void> {
    stopping.abort(closedError());
    asks.close(closedError());
    gather.close(closedError());
    endings.endAll();
    await Promise.all(pulls);
    await link[Symbol.asyncDispose]();
  }

  return {
    publish(subject, data, headers) {
      assertOpen();
      assertSubject(subject);
      link.send({ subject, data, headers: lowerHeaders(headers) });
    },
    async request(subject, data, { headers, signal, timeoutMs = 5000 } = {}) {
      assertOpen();
      assertSubject(subject);
      const sent = { subject, data, headers: lowerHeaders(headers) };
      const came = await asks.ask(sent, { signal, timeoutMs });
      return { ...readReply({ data: came.data, headers: came.headers, subject }) };
    },
    subscribe(pattern, { queue, signal }, handler) {
      assertPattern(pattern);
      whileOpen(signal, () =>
        link.listen({
          pattern,
          queue,
          hear({ subject, data, headers }) {
            try {
              handler({ subject, data, headers });
            } catch (error) {
              log.error("bus.subscriber_failed", { pattern, error });
            }
          },
        }));
    },
    respond(pattern, { queue, signal }, handler) {
      assertPattern(pattern);
      whileOpen(
        signal,
        () =>
          respond(
            pattern,
            queue,
            async ({ subject, data, headers }) => handler({ subject, data, headers }),
          ),
      );
    },
    async publishDurable(handoffs) {
      assertOpen();
      return gather.add(handoffs.map(encodeHandoff));
    },
    serveDurable({ signal }, handler) {
      const open = async (data: Uint8Array) => decodeHandoffs(await seal.unwrap(data));
      // Edges that see no JetStream ask; those that do leave their hand-offs in the stream.
      whileOpen(
        signal,
        () =>
          respond(
            subjects.ingest,
            CORE_QUEUE,
            async ({ data }) => encodeOutcomes(await handler(await open(data))),
          ),
      );
      if (stream === undefined) return;
      whileOpen(signal, () => {
        const stop = new AbortController();
        const pull = stream.serve({ signal: stop.signal, open }, handler)
          .finally(() => pulls.delete(pull));
        pulls.add(pull);
        return () => stop.abort(closedError());
      });
    },
    status: () => closing === undefined ? link.status() : "closed",
    [Symbol.asyncDispose]: () => closing ??= close(),
  };
}

function assertSubject(subject: string): void {
  if (!isSubject(subject)) throw new TypeError(`Cannot publish to "${subject}": not a subject`);
}

function assertPattern(pattern: string): void {
  if (isPattern(pattern)) return;
  throw new TypeError(`Cannot subscribe to "${pattern}": not a subject pattern`);
}

function overflow(pattern: string, limit: number): CodedError {
  return new CodedError(
    "bus_overflow",
    `Cannot answer on "${pattern}": ${limit} requests are under way`,
  );
}

function closedError(): CodedError {
  return new CodedError("bus_closed", "Cannot use the bus: it was closed");
}

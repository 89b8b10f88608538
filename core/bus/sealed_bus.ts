/**
 * A bus on which only the halves of this deployment understand each other: what goes over some of its
 * subjects is sealed to `NEXO_EDGE_KEY` where there is one.
 *
 * For what an edge vouches for itself, and no token of a caller proves: who a visitor is, who watches.
 *
 * @module
 */
import { messageOf, type Random, subjects } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import type { Bus, Message } from "./bus.ts";
import { type HandoffSeal, openHandoffSeal } from "./handoff_seal.ts";

/** What only an edge may ask and say, for {@linkcode sealBus} on both sides. */
export const EDGE_SEALED = {
  requests: [subjects.chat, subjects.rejections],
  news: [subjects.presence],
} as const;

/** What {@linkcode sealBus} needs. */
export interface SealedBusDeps {
  /** Without it everything travels as it is. */
  readonly key: Uint8Array | undefined;
  /** Requests on these subjects are sealed, each to its own. */
  readonly requests: readonly string[];
  /** Publications on these subjects are. @default none */
  readonly news?: readonly string[];
  readonly random: Random;
  readonly log: Log;
}

/** Publications of one subscription that are being opened; what comes above is dropped, and logged. */
const MAX_OPENING = 1024;

/**
 * `bus`, with requests and publications on some subjects sealed by whoever sends and opened for whoever
 * listens.
 *
 * An asker without the key gets `sealed_unreadable`; a publication without it is heard by nobody, and
 * logged. Sealing takes a moment, so a publication that the bus has no room for is logged as well instead
 * of thrown. Disposing it disposes `bus`, after what is being sealed was published.
 *
 * @throws {RangeError} when the key is under 32 bytes
 */
export async function sealBus(
  bus: Bus,
  { key, requests, news = [], random, log }: SealedBusDeps,
): Promise<Bus> {
  const sealsOf = async (
    subjects: readonly string[],
    what: string,
  ): Promise<ReadonlyMap<string, HandoffSeal>> =>
    new Map(
      await Promise.all(subjects.map(async (subject) =>
        [
          subject,
          await openHandoffSeal({ key, subject, random, what: `${what} on "${subject}"` }),
        ] as const
      )),
    );
  const asked = await sealsOf(requests, "a request");
  const told = await sealsOf(news, "a publication");
  const sealing = new Set<Promise<void>>();

  return {
    ...bus,
    async request(subject, data, options) {
      const sealed = await asked.get(subject)?.wrap(Uint8Array.from(data));
      return bus.request(subject, sealed ?? data, options);
    },
    respond(pattern, options, handler) {
      const seal = asked.get(pattern);
      if (seal === undefined) return bus.respond(pattern, options, handler);
      bus.respond(
        pattern,
        options,
        async (message) => handler({ ...message, data: await seal.unwrap(message.data) }),
      );
    },
    publish(subject, data, headers) {
      const seal = told.get(subject);
      if (seal === undefined) return bus.publish(subject, data, headers);
      const publishing = seal.wrap(Uint8Array.from(data))
        .then((sealed) => bus.publish(subject, sealed, headers))
        .catch((error: unknown) => log.warn("bus.dropped", { subject, error: messageOf(error) }))
        .finally(() => sealing.delete(publishing));
      sealing.add(publishing);
    },
    subscribe(pattern, options, handler) {
      const seal = told.get(pattern);
      if (seal === undefined) return bus.subscribe(pattern, options, handler);
      let opening = 0;
      const open = async (message: Message): Promise<void> => {
        opening += 1;
        try {
          const data = await seal.unwrap(message.data);
          if (options.signal?.aborted !== true) handler({ ...message, data });
        } catch (error) {
          log.warn("bus.unread", { subject: message.subject, error: messageOf(error) });
        } finally {
          opening -= 1;
        }
      };
      bus.subscribe(pattern, options, (message) => {
        if (opening < MAX_OPENING) return void open(message);
        log.warn("bus.unread", { subject: message.subject, error: "too many at once" });
      });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(sealing);
      await bus[Symbol.asyncDispose]();
    },
  };
}

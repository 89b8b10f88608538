/**
 * Requests that only an edge of this deployment can make: sealed to `NEXO_EDGE_KEY` where there is one.
 *
 * For what an edge vouches for itself, and no token of a caller proves: who a visitor is.
 *
 * @module
 */
import type { Random } from "../contract/mod.ts";
import type { Bus } from "./bus.ts";
import { openHandoffSeal } from "./handoff_seal.ts";

/** What {@linkcode sealRequests} needs. */
export interface SealedRequestsDeps {
  /** Without it the requests travel as they are. */
  readonly key: Uint8Array | undefined;
  /** Requests on these subjects are sealed, each to its own. */
  readonly subjects: readonly string[];
  readonly random: Random;
}

/**
 * `bus`, with requests on some subjects sealed by whoever asks and opened for whoever answers.
 *
 * An asker without the key gets `sealed_unreadable`. Disposing it disposes `bus`.
 *
 * @throws {RangeError} when the key is under 32 bytes
 */
export async function sealRequests(
  bus: Bus,
  { key, subjects, random }: SealedRequestsDeps,
): Promise<Bus> {
  const seals = new Map(
    await Promise.all(subjects.map(async (subject) =>
      [
        subject,
        await openHandoffSeal({ key, subject, random, what: `a request on "${subject}"` }),
      ] as const
    )),
  );
  return {
    ...bus,
    async request(subject, data, options) {
      const sealed = await seals.get(subject)?.wrap(Uint8Array.from(data));
      return bus.request(subject, sealed ?? data, options);
    },
    respond(pattern, options, handler) {
      const seal = seals.get(pattern);
      if (seal === undefined) return bus.respond(pattern, options, handler);
      bus.respond(
        pattern,
        options,
        async (message) => handler({ ...message, data: await seal.unwrap(message.data) }),
      );
    },
  };
}

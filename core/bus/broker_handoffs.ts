/**
 * Hand-offs of edges elsewhere, brought to whoever takes them on the local bus.
 *
 * @module
 */
import { type Random, subjects } from "../contract/mod.ts";
import type { Bus } from "./bus.ts";
import { decodeHandoffs, encodeOutcomes } from "./handoff_codec.ts";
import { openHandoffSeal } from "./handoff_seal.ts";

/** What {@linkcode openHandoffBridge} needs. */
export interface HandoffBridgeDeps {
  /** The local bus, behind a broker. */
  readonly bus: Pick<Bus, "respond" | "publishDurable">;
  /** `NEXO_EDGE_KEY`, 32 bytes or more: unsealed hand-offs are refused. */
  readonly sealKey?: Uint8Array | undefined;
  /** @default {crypto.getRandomValues} */
  readonly random?: Random | undefined;
}

/**
 * Answers edges with the outcomes of {@linkcode Bus.publishDurable} on `bus`; dispose it to stop.
 *
 * @throws {RangeError} when the key is too short
 */
export async function openHandoffBridge(
  { bus, sealKey, random = (bytes) => crypto.getRandomValues(bytes) }: HandoffBridgeDeps,
): Promise<Disposable> {
  const seal = await openHandoffSeal({ key: sealKey, subject: subjects.ingest, random });
  const stop = new AbortController();
  bus.respond(
    subjects.ingest,
    { signal: stop.signal },
    async ({ data }) =>
      encodeOutcomes(await bus.publishDurable(decodeHandoffs(await seal.unwrap(data)))),
  );
  return { [Symbol.dispose]: () => stop.abort() };
}

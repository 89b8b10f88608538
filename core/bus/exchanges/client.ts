/**
 * The edge's side of exchanges: opens them.
 *
 * @module
 */
import {
  type Clock,
  CodedError,
  ExchangeAccept,
  type ExchangeOpen,
  type ExchangeRequest,
  type Random,
  subjects,
} from "../../contract/mod.ts";
import type { Log } from "../../flow/log.ts";
import type { Bus } from "../bus.ts";
import { openSubjectSeal, type SubjectSeal } from "../handoff_seal.ts";
import type { ExchangeEnd } from "./end.ts";
import { LINE_LIMITS, type LineLimits, newName, openLine } from "./line.ts";

/** What opens exchanges with microapps; see {@linkcode openExchangeClient}. */
export interface ExchangeClient {
  /**
   * Opens an exchange with a microapp's HTTP server.
   *
   * @throws {CodedError} what core refused it with, `microapp_busy` when this side has too many open,
   * or what keeps the bus from carrying it
   */
  readonly open: (microappId: string, request: ExchangeRequest) => Promise<ExchangeEnd>;
  /** Exchanges that are open. */
  readonly size: () => number;
}

/** What both sides of exchanges need. */
export interface ExchangeDeps {
  readonly bus: Bus;
  /** `NEXO_EDGE_KEY`: with it everything is sealed, and what is not is refused. */
  readonly key: Uint8Array | undefined;
  readonly now: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits?: Partial<LineLimits> | undefined;
}

/** How long core may take to say whether it opens an exchange. */
const OPEN_LIMIT_MS = 10_000;
/** Exchanges of one edge at once. */
export const MAX_EDGE_EXCHANGES = 2_048;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Opens a client; disposing it ends its exchanges. */
export async function openExchangeClient(
  deps: ExchangeDeps & { readonly maxExchanges?: number | undefined },
): Promise<ExchangeClient & AsyncDisposable> {
  const { bus, now, random, maxExchanges = MAX_EDGE_EXCHANGES } = deps;
  const seal = await openExchangeSeal(deps);
  const line = openLine({ ...deps, seal, limits: { ...LINE_LIMITS, ...deps.limits } });

  let opened = 0;

  async function ask(microappId: string, open: ExchangeOpen): Promise<ExchangeAccept> {
    const subject = subjects.app(microappId);
    const data = await seal.wrap(encoder.encode(JSON.stringify(open)), subject);
    const answer = await bus.request(subject, data, { timeoutMs: OPEN_LIMIT_MS });
    // Sealed for the address it is meant for, so that nobody can answer in core's place.
    const accept = await seal.unwrap(answer.data, subjects.exchange(open.from, open.exchange));
    return ExchangeAccept.parse(JSON.parse(decoder.decode(accept)));
  }

  return {
    size: line.size,
    async open(microappId, request) {
      if (line.size() >= maxExchanges) {
        const message = `Cannot open an exchange: ${maxExchanges} are open on this edge`;
        throw new CodedError("microapp_busy", message);
      }
      const exchange = newName(random);
      const credit = line.firstCredit();
      const { end, connect } = line.open(exchange, credit);
      try {
        const accepted = await ask(microappId, {
          exchange,
          from: line.address,
          at_ms: now(),
          number: opened++,
          credit,
          request,
        });
        connect(accepted.from, accepted.credit);
        return end;
      } catch (error) {
        end.cancel("exchange_lost");
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => line[Symbol.asyncDispose](),
  };
}

/** The seal both sides of exchanges share. */
export function openExchangeSeal(
  { key, random }: Pick<ExchangeDeps, "key" | "random">,
): Promise<SubjectSeal> {
  return openSubjectSeal({ key, random, what: "a frame of an exchange", purpose: "nexo exchange" });
}

/**
 * Core's side of exchanges: answers those that edges open.
 *
 * @module
 */
import {
  CodedError,
  codeOf,
  ExchangeOpen,
  type ExchangeRequest,
  subjects,
  unescapeToken,
} from "../../contract/mod.ts";
import { openScope } from "../../flow/scope.ts";
import { type ExchangeDeps, openExchangeSeal } from "./client.ts";
import type { ExchangeEnd } from "./end.ts";
import { LINE_LIMITS, openLine } from "./line.ts";
import { createReplayGuard } from "./replay_guard.ts";

/** Works through one exchange; what it leaves open is cancelled when it resolves or rejects. */
export type RunExchange = (end: ExchangeEnd) => Promise<void>;

/** What {@linkcode serveExchanges} needs. */
export interface ServeExchangesDeps extends ExchangeDeps {
  /**
   * Says how an exchange is worked through, before it opens.
   *
   * @throws {CodedError} what the client is to be told instead
   */
  readonly admit: (microappId: string, request: ExchangeRequest) => Promise<RunExchange>;
}

/** How far an edge's clock may be from core's, in milliseconds. */
const MAX_SKEW_MS = 120_000;

/** Answers on `nexo.rpc.app.*` until disposed, which ends every exchange. */
export async function serveExchanges(
  deps: ServeExchangesDeps,
): Promise<AsyncDisposable & { readonly size: () => number }> {
  const { bus, now, log, admit } = deps;
  const seal = await openExchangeSeal(deps);
  const line = openLine({ ...deps, seal, limits: { ...LINE_LIMITS, ...deps.limits } });
  const stop = new AbortController();
  const scope = openScope({
    onError: (error) => log.error("exchange.failed", { error }),
  });
  const isNew = createReplayGuard();

  async function read(data: Uint8Array, subject: string): Promise<ExchangeOpen> {
    const bytes = await seal.unwrap(data, subject);
    const parsed = ExchangeOpen.safeParse(parseJson(bytes));
    if (!parsed.success) {
      throw new CodedError("exchange_invalid", "Cannot open an exchange: its request is malformed");
    }
    const { at_ms, from, number } = parsed.data;
    if (Math.abs(now() - at_ms) > MAX_SKEW_MS) {
      log.warn("exchange.stale", { skewMs: now() - at_ms });
      throw new CodedError("exchange_invalid", "Cannot open an exchange: its time is not now");
    }
    if (!isNew(from, number)) {
      throw new CodedError("exchange_invalid", "Cannot open an exchange: it was opened before");
    }
    return parsed.data;
  }

  bus.respond("nexo.rpc.app.*", { queue: "core", signal: stop.signal }, async (message) => {
    const { subject, data } = message;
    const open = await read(data, subject);
    const microappId = unescapeToken(subject.slice(subject.lastIndexOf(".") + 1));
    const run = await admit(microappId, open.request);
    const credit = line.firstCredit();
    const { end, connect } = line.open(open.exchange, credit);
    connect(open.from, open.credit);
    scope.run(async () => {
      try {
        await run(end);
        end.cancel("exchange_lost");
      } catch (error) {
        if (!end.signal.aborted) log.debug("exchange.ended", { code: codeOf(error), error });
        end.cancel(codeOf(error));
      }
    });
    const accept = new TextEncoder().encode(JSON.stringify({ from: line.address, credit }));
    return seal.wrap(accept, subjects.exchange(open.from, open.exchange));
  });

  return {
    size: line.size,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await line[Symbol.asyncDispose]();
      await scope[Symbol.asyncDispose]();
    },
  };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

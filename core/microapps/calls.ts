/**
 * One call to a microapp for one tenant, within its limits.
 *
 * @module
 */
import { type CallMeta, CodedError, codeOf, RpcFault } from "../contract/mod.ts";
import type { Breakers, CallEnd } from "../flow/breaker.ts";
import { failSpan, inSpan, isTracing, type Span } from "../flow/trace.ts";
import { isPanic } from "./faults.ts";
import { isFault } from "./results.ts";
import type { Slot } from "./slots.ts";
import type { Live } from "./supervisor.ts";

/** For whom something is asked. */
export interface CallContext {
  readonly meta: CallMeta;
  /** The tenant. */
  readonly account: string;
  readonly signal?: AbortSignal | undefined;
}

/** What is asked of whom, and what its answer comes to. */
export interface MicroappCall<T> {
  readonly microappId: string;
  /** The tenant. */
  readonly account: string;
  readonly method: string;
  /** Unless `entries.<id>.timeout_secs` says otherwise. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** As JSON; made once it is known who will answer. */
  params(slot: Slot, live: Live): string | undefined;
  read(result: unknown): T;
  /** What an error reply comes to; absent: it is thrown. */
  readFault?(fault: RpcFault): T;
}

/** Calls with a breaker per microapp and tenant. */
export interface Calls {
  /**
   * @throws {RpcFault} the microapp's error reply
   * @throws {CodedError} `not_found`, `microapp_not_ready`, `microapp_breaker_open`,
   * `microapp_busy`, `microapp_timeout`, `microapp_exited`
   * @throws the signal's reason
   */
  make<T>(call: MicroappCall<T>): Promise<T>;
  /** Forgets the faults of a microapp that is started afresh. */
  forget(microappId: string): void;
}

/** Builds the calls of one host. */
export function createCalls(
  { slot: find, onPanic, breakers }: {
    slot: (microappId: string) => Slot | undefined;
    /** Hears of a handler that crashed. */
    onPanic: (microappId: string, message: string) => void;
    breakers: Breakers;
  },
): Calls {
  const exitsSeen = new WeakMap<Live, Set<string>>();

  /** One crash ends many calls at once; for each tenant it counts as one fault. */
  function isFirstExit(live: Live, account: string): boolean {
    const seen = exitsSeen.get(live) ?? new Set<string>();
    exitsSeen.set(live, seen);
    const isFirst = !seen.has(account);
    seen.add(account);
    return isFirst;
  }

  function weigh(error: unknown, live: Live, account: string): CallEnd {
    if (codeOf(error) === "microapp_exited" && !isFirstExit(live, account)) return "undecided";
    if (isFault(error)) return "fault";
    // An error reply to a bad question is the sign of a healthy microapp.
    return error instanceof RpcFault ? "ok" : "undecided";
  }

  /** One promise, from the question to what its answer comes to. */
  function ask<T>(call: MicroappCall<T>, span?: Span): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const { microappId, account, method, signal } = call;
      const slot = slotOf(find(microappId), microappId, account);
      const live = liveOf(slot);
      const leave = breakers.enter(microappId, account);
      if (leave === null) {
        const state = "it failed this tenant too often and rests";
        throw refusal("microapp_breaker_open", microappId, state);
      }
      function failed(error: unknown): void {
        leave?.(weigh(error, live, account));
        if (isPanic(error)) onPanic(microappId, error.message);
        if (!(error instanceof RpcFault) || call.readFault === undefined) return reject(error);
        if (span !== undefined) failSpan(span, codeOf(error));
        resolve(call.readFault(error));
      }
      function answered(result: unknown): void {
        leave?.("ok");
        try {
          resolve(call.read(result));
        } catch (error) {
          reject(error);
        }
      }
      let params: string | undefined;
      try {
        params = call.params(slot, live);
      } catch (error) {
        return failed(error);
      }
      const timeoutMs = timeoutOf(slot, method, call.timeoutMs);
      live.peer.ask({ method, params, timeoutMs, signal }, { answered, failed });
    });
  }

  return {
    make<T>(call: MicroappCall<T>): Promise<T> {
      if (!isTracing()) return ask(call);
      const { method, microappId } = call;
      const attributes = { "rpc.system": "jsonrpc", "rpc.method": method };
      return inSpan(
        `${method} ${microappId}`,
        { kind: "client", attributes: { ...attributes, "nexo.microapp_id": microappId } },
        (span) => {
          const spans = find(microappId)?.supervisor?.live?.spans;
          return spans === undefined ? ask(call, span) : spans.during(() => ask(call, span));
        },
      );
    },
    forget: (microappId) => breakers.forget(microappId),
  };
}

/** The operator's own timeout. It gives slow tools time, but a hook holds up everybody's messages. */
function timeoutOf({ candidate }: Slot, method: string, timeoutMs: number): number {
  const seconds = candidate.entry.timeout_secs;
  if (seconds === undefined) return timeoutMs;
  return method.startsWith("hooks/") ? Math.min(timeoutMs, seconds * 1000) : seconds * 1000;
}

function refusal(
  code: "not_found" | "microapp_not_ready" | "microapp_breaker_open",
  id: string,
  state: string,
): CodedError {
  return new CodedError(code, `Cannot call microapp "${id}": ${state}`);
}

/** Whether a microapp works for a tenant. */
export function worksFor({ candidate }: Slot, account: string): boolean {
  return (candidate.entry.tenant_id ?? account) === account;
}

function slotOf(slot: Slot | undefined, id: string, account: string): Slot {
  if (slot !== undefined && worksFor(slot, account)) return slot;
  // Another tenant's microapp looks like none at all.
  throw refusal("not_found", id, "there is none of that name");
}

function liveOf({ supervisor, candidate: { id, refusal: why } }: Slot): Live {
  const live = supervisor?.live ?? null;
  if (live !== null) return live;
  const state = supervisor?.lifeline.state ?? (why === null ? "stopped" : "failed");
  throw refusal("microapp_not_ready", id, `it is ${state}`);
}

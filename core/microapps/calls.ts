/**
 * One call to a microapp for one tenant, within its limits.
 *
 * @module
 */
import { type CallMeta, CodedError, codeOf, RpcFault } from "../contract/mod.ts";
import type { Breakers } from "../flow/breaker.ts";
import { inSpan } from "../flow/trace.ts";
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

/** What is asked of whom. */
export interface MicroappCall {
  readonly microappId: string;
  /** The tenant. */
  readonly account: string;
  readonly method: string;
  /** Made once it is known who will answer. */
  readonly params: (slot: Slot, live: Live) => unknown;
  /** Unless `entries.<id>.timeout_secs` says otherwise. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Calls with a breaker per microapp and tenant. */
export interface Calls {
  /**
   * @throws {RpcFault} the microapp's error reply
   * @throws {CodedError} `not_found`, `microapp_not_ready`, `microapp_breaker_open`,
   * `microapp_busy`, `microapp_timeout`, `microapp_exited`
   * @throws the signal's reason
   */
  make(call: MicroappCall): Promise<unknown>;
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

  function weigh(error: unknown, live: Live, account: string): "ok" | "fault" | "undecided" {
    if (codeOf(error) === "microapp_exited" && !isFirstExit(live, account)) return "undecided";
    if (isFault(error)) return "fault";
    // An error reply to a bad question is the sign of a healthy microapp.
    return error instanceof RpcFault ? "ok" : "undecided";
  }

  return {
    async make({ microappId, account, method, params, timeoutMs, signal }) {
      const { slot, live } = findLive(find(microappId), microappId, account);
      const leave = breakers.enter(microappId, account);
      if (leave === null) {
        throw refusal(
          "microapp_breaker_open",
          microappId,
          "it failed this tenant too often and rests",
        );
      }
      try {
        const attributes = { "rpc.system": "jsonrpc", "rpc.method": method };
        const result = await inSpan(
          `${method} ${microappId}`,
          { kind: "client", attributes: { ...attributes, "nexo.microapp_id": microappId } },
          () =>
            live.spans.during(() =>
              live.peer.call(method, params(slot, live), {
                timeoutMs: timeoutOf(slot, method, timeoutMs),
                signal,
              })
            ),
        );
        leave("ok");
        return result;
      } catch (error) {
        leave(weigh(error, live, account));
        if (isPanic(error)) onPanic(microappId, error.message);
        throw error;
      }
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

function findLive(slot: Slot | undefined, id: string, account: string): { slot: Slot; live: Live } {
  // Another tenant's microapp looks like none at all.
  if (slot === undefined || !worksFor(slot, account)) {
    throw refusal("not_found", id, "there is none of that name");
  }
  const { supervisor, candidate } = slot;
  if (supervisor?.live) return { slot, live: supervisor.live };
  const state = supervisor?.lifeline.state ?? (candidate.refusal === null ? "stopped" : "failed");
  throw refusal("microapp_not_ready", id, `it is ${state}`);
}

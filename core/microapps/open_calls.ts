/**
 * Calls that wait for their answers: by number, each with a deadline and perhaps a signal.
 *
 * Thousands come and go each second and hardly any is late, so a call is one record, all of them share
 * one timer, and those of one turn, which follow one another, share the listener of its signal.
 *
 * @module
 */
import { CodedError } from "../contract/mod.ts";
import type { Leaving } from "./outbox.ts";

/** Who asked. One of the two is called, once. */
export interface Asker {
  answered(result: unknown): void;
  failed(error: unknown): void;
}

/** A call under way. */
export interface OpenCall {
  readonly id: number;
  readonly method: string;
  /** When it was sent, in milliseconds of the monotonic clock. */
  readonly sentMs: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** The request. */
  readonly frame: Leaving;
  readonly asker: Asker;
}

/** The calls of one peer. */
export interface OpenCalls {
  readonly size: number;
  /** The number of the next call. It rises, and passes over those it would be mistaken for. */
  nextId(): number;
  /** Waits for an answer from now on. */
  add(call: OpenCall): void;
  /** Takes out the one that an answer is for. */
  take(id: number): OpenCall | undefined;
  /** Whether an answer is one that nobody waits for any more; each is forgotten when it has come. */
  isLate(id: number): boolean;
  /** Whether a signal is listened to already, and so has not aborted: asking it is not cheap. */
  hears(signal: AbortSignal): boolean;
  /** Resolves once none is open. */
  idle(): Promise<void>;
  /** Fails all of them. */
  close(reason: CodedError): void;
}

/** Late answers remembered, so that they are not mistaken for nonsense. */
const ABANDONED = 1024;
/** The longest time a timer takes, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** Signals listened to before those of turns that are over are let go. */
const SIGNALS = 64;

/** Nothing is open, and never more than `max` will be; `onGivenUp` hears of calls given up early. */
export function createOpenCalls(
  { max, onGivenUp }: { readonly max: number; readonly onGivenUp: (call: OpenCall) => void },
): OpenCalls {
  // By the low bits of their numbers. A map that is filled and emptied all the time grows old: each of
  // its outgrown tables, once it is in the old generation, keeps the next one and all the calls in it
  // from being collected cheaply.
  const length = 2 ** Math.ceil(Math.log2(2 * max));
  const places = Array.from<OpenCall | undefined>({ length });
  const mask = places.length - 1;
  const abandoned = new Set<number>();
  const waitingForIdle = new Set<() => void>();
  const listeners = new Map<AbortSignal, () => void>();
  let size = 0;
  let lastId = 0;
  let sweepAt = SIGNALS;
  let timer: NodeJS.Timeout | undefined;
  let timerMs = Infinity;

  function leave(id: number): void {
    places[id & mask] = undefined;
    size -= 1;
    if (size > 0 || waitingForIdle.size === 0) return;
    for (const resolve of waitingForIdle) resolve();
    waitingForIdle.clear();
  }

  function giveUp(call: OpenCall, error: unknown): void {
    leave(call.id);
    onGivenUp(call);
    abandoned.add(call.id);
    if (abandoned.size > ABANDONED) {
      for (const oldest of abandoned) {
        abandoned.delete(oldest);
        break;
      }
    }
    call.asker.failed(error);
  }

  /** Sees to it that the timer goes off by then. */
  function setAlarm(dueMs: number, nowMs: number): void {
    if (dueMs >= timerMs) return;
    clearTimeout(timer);
    timerMs = dueMs;
    timer = setTimeout(expire, Math.min(Math.ceil(dueMs - nowMs), MAX_TIMER_MS));
  }

  function expire(): void {
    timerMs = Infinity;
    const nowMs = performance.now();
    let nextMs = Infinity;
    for (const call of places) {
      if (call === undefined) continue;
      const dueMs = call.sentMs + call.timeoutMs;
      if (dueMs > nowMs) nextMs = Math.min(nextMs, dueMs);
      else giveUp(call, late(call));
    }
    if (nextMs < Infinity) setAlarm(nextMs, nowMs);
  }

  function listenTo(signal: AbortSignal): void {
    if (listeners.has(signal)) return;
    if (listeners.size >= sweepAt) forgetSignals();
    const hear = (): void => {
      listeners.delete(signal);
      for (const call of places) if (call?.signal === signal) giveUp(call, signal.reason);
    };
    listeners.set(signal, hear);
    signal.addEventListener("abort", hear, { once: true });
  }

  /** Lets go of signals that no open call has. */
  function forgetSignals(): void {
    const used = new Set(places.map((call) => call?.signal));
    for (const [signal, hear] of listeners) {
      if (used.has(signal)) continue;
      signal.removeEventListener("abort", hear);
      listeners.delete(signal);
    }
    sweepAt = Math.max(SIGNALS, 2 * listeners.size);
  }

  return {
    get size() {
      return size;
    },
    nextId() {
      // The first place is kept for 0.
      do lastId += 1; while ((lastId & mask) === 0 || places[lastId & mask] !== undefined);
      return lastId;
    },
    add(call) {
      places[call.id & mask] = call;
      size += 1;
      setAlarm(call.sentMs + call.timeoutMs, call.sentMs);
      if (call.signal !== undefined) listenTo(call.signal);
    },
    take(id) {
      const call = places[id & mask];
      if (call?.id !== id) return undefined;
      leave(id);
      return call;
    },
    isLate: (id) => abandoned.delete(id),
    hears: (signal) => listeners.has(signal),
    idle: () =>
      size === 0 ? Promise.resolve() : new Promise((resolve) => waitingForIdle.add(resolve)),
    close(reason) {
      clearTimeout(timer);
      for (const call of places) {
        if (call === undefined) continue;
        leave(call.id);
        call.asker.failed(reason);
      }
      forgetSignals();
    },
  };
}

function late({ method, timeoutMs }: OpenCall): CodedError {
  return new CodedError(
    "microapp_timeout",
    `Cannot call "${method}": no answer in ${timeoutMs} ms`,
  );
}

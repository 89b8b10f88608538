/**
 * Clients that cannot go on at once: those that read slowly, and those whose page could not be had.
 *
 * @module
 */
import { backoffMs } from "../../core/flow/backoff.ts";
import type { Client } from "./client.ts";

/** What {@linkcode createWaitingRoom} needs. */
export interface WaitingDeps {
  /** A client that read this far may have more. */
  readonly lowBytes: number;
  /** A client that reads nothing for so long is cut, in milliseconds. */
  readonly stallMs: number;
  readonly goOn: (client: Client) => void;
  readonly cut: (client: Client) => void;
}

/** Holds clients back; one timer looks after all of them, and runs only while there are some. */
export interface WaitingRoom {
  /** Until its buffer is nearly empty. */
  drain(client: Client): void;
  /** For a pause that grows with its failures. */
  retry(client: Client): void;
  leave(client: Client): void;
  [Symbol.dispose](): void;
}

const TICK_MS = 50;
const RETRY = { firstMs: 250, maxMs: 5_000 };

/** `leastBytes` is undefined for a client that waits for time to pass. */
interface Wait {
  leastBytes: number | undefined;
  ticks: number;
}

/** Builds an empty room. */
export function createWaitingRoom(deps: WaitingDeps): WaitingRoom {
  const { lowBytes, goOn, cut } = deps;
  const stallTicks = Math.ceil(deps.stallMs / TICK_MS);
  const waits = new Map<Client, Wait>();
  let timer: ReturnType<typeof setInterval> | undefined;

  function enter(client: Client, wait: Wait): void {
    waits.set(client, wait);
    timer ??= setInterval(tick, TICK_MS);
  }

  function leave(client: Client): void {
    waits.delete(client);
    if (waits.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  function tick(): void {
    for (const [client, wait] of Array.from(waits)) {
      if (wait.leastBytes === undefined) {
        if (--wait.ticks <= 0) release(client);
        continue;
      }
      const bytes = client.outlet.bufferedBytes();
      if (bytes <= lowBytes) release(client);
      else if (bytes < wait.leastBytes) [wait.leastBytes, wait.ticks] = [bytes, 0];
      else if (++wait.ticks >= stallTicks) {
        leave(client);
        cut(client);
      }
    }
  }

  function release(client: Client): void {
    leave(client);
    goOn(client);
  }

  return {
    drain(client) {
      if (!waits.has(client)) {
        enter(client, { leastBytes: client.outlet.bufferedBytes(), ticks: 0 });
      }
    },
    retry: (client) =>
      enter(client, {
        leastBytes: undefined,
        ticks: Math.ceil(backoffMs(client.failures, RETRY) / TICK_MS),
      }),
    leave,
    [Symbol.dispose]() {
      waits.clear();
      clearInterval(timer);
      timer = undefined;
    },
  };
}

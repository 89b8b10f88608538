/**
 * The way out: each outbox row is sent once, in order per conversation, or becomes a dead letter.
 *
 * @module
 */
import type { Channel, SendResult } from "../channels/channel.ts";
import { type Clock, codeOf, messageOf } from "../contract/mod.ts";
import { backoffMs } from "../flow/backoff.ts";
import { delay } from "../flow/delay.ts";
import type { Log } from "../flow/log.ts";
import { openScope } from "../flow/scope.ts";
import type { DeadLetters } from "../queues/dead_letters.ts";
import type { OpenOutbound, Outbound, Outbox } from "../queues/outbox.ts";
import type { Redactor } from "../redact/redactor.ts";
import type { Store } from "../store/store.ts";

const RETRY = { firstMs: 1_000, maxMs: 300_000 };
const MAX_ATTEMPTS = 10;
/** Between looks at a channel that cannot send, in milliseconds. */
const NOT_READY_PAUSE_MS = 5_000;

/** What the delivery needs. */
export interface DeliveryDeps {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly deadLetters: DeadLetters;
  readonly channels: ReadonlyMap<string, Channel>;
  /** Why a message must not go out now, asked right before each send. */
  readonly fence: (outbound: Outbound) => string | undefined;
  /** Hears of each send once its row says so. */
  readonly onSent: (outbound: Outbound, sentAtMs: number) => void;
  readonly redact: Redactor;
  readonly uuid: () => string;
  readonly now: Clock;
  readonly log: Log;
}

/** The running delivery. Disposing stops between sends; what is unsent stays on disk. */
export interface Delivery extends AsyncDisposable {
  /** Sends rows that are on disk, after those of the same conversation already given. */
  readonly push: (items: readonly OpenOutbound[]) => void;
  /** Resolves when nothing is left to send, or when `signal` aborts. */
  readonly drain: (signal: AbortSignal) => Promise<void>;
}

/** Starts the delivery. */
export function openDelivery(deps: DeliveryDeps): Delivery {
  const { store, outbox, channels, now, log } = deps;
  const scope = openScope({ onError: (error) => log.error("delivery.failed", { error }) });
  const lanes = new Map<string, OpenOutbound[]>();

  async function runLane(lane: string, signal: AbortSignal): Promise<void> {
    const items = lanes.get(lane) ?? [];
    for (let item = items[0]; item !== undefined; item = items[0]) {
      await sendUntilSettled(item, signal);
      items.shift();
    }
    lanes.delete(lane);
  }

  async function sendUntilSettled(item: OpenOutbound, signal: AbortSignal): Promise<void> {
    let nextAtMs = item.next_at_ms;
    for (;;) {
      if (nextAtMs > now()) await delay(nextAtMs - now(), { signal });
      signal.throwIfAborted();
      try {
        const next = await sendOnce(item.account_id, item.id, signal);
        if (next === undefined) return;
        nextAtMs = next;
      } catch (error) {
        if (signal.aborted) throw error;
        log.error("outbound.unrecorded", {
          id: item.id,
          code: codeOf(error),
          error: messageOf(error),
        });
        nextAtMs = now() + RETRY.firstMs;
      }
    }
  }

  /** Tries once; returns when to try again, or undefined when the row is settled. */
  async function sendOnce(
    account: string,
    id: string,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const outbound = await outbox.find(account, id);
    if (outbound === undefined) return undefined;
    const result = await attempt(outbound, signal);
    switch (result.kind) {
      case "sent": {
        const sentAtMs = now();
        await store.commit(outbox.rowsForSent(account, id, result.receipt, sentAtMs));
        deps.onSent(outbound, sentAtMs);
        return undefined;
      }
      case "permanent":
        return bury(outbound, result.reason);
      case "not_ready":
      case "auth":
        // Not the message's fault: it waits as long as it may, and no attempt is counted.
        return now() + NOT_READY_PAUSE_MS;
      case "retry": {
        const failures = outbound.attempts + 1;
        if (failures >= MAX_ATTEMPTS) return bury(outbound, result.reason);
        const nextAtMs = now() + (result.afterMs ?? backoffMs(failures, RETRY));
        await store.commit(outbox.rowsForRetry(account, id, nextAtMs));
        return nextAtMs;
      }
    }
  }

  async function attempt(outbound: Outbound, signal: AbortSignal): Promise<SendResult> {
    if (outbound.expires_at_ms <= now()) return { kind: "permanent", reason: "it waited too long" };
    const fenced = deps.fence(outbound);
    if (fenced !== undefined) return { kind: "permanent", reason: fenced };
    const channel = channels.get(outbound.channel);
    if (channel === undefined) {
      return { kind: "permanent", reason: `channel "${outbound.channel}" is not configured` };
    }
    return channel.send(outbound, { signal });
  }

  async function bury(outbound: Outbound, reason: string): Promise<undefined> {
    const { account_id: account, id } = outbound;
    log.warn("outbound.dead", {
      id,
      account,
      channel: outbound.channel,
      reason: deps.redact(reason, account),
    });
    await store.commit([
      ...outbox.rowsForDead(account, id),
      ...deps.deadLetters.rowsForDead({
        id: deps.uuid(),
        account_id: account,
        kind: "outbox",
        ref_id: id,
        source: `${outbound.channel}:${outbound.instance}`,
        code: "outbound_failed",
        detail: deps.redact(reason, account),
        at_ms: now(),
      }),
    ]);
    return undefined;
  }

  return {
    push(items) {
      for (const item of items) {
        const lane = `${item.account_id}/${item.session_id}`;
        const waiting = lanes.get(lane);
        if (waiting !== undefined) waiting.push(item);
        else {
          lanes.set(lane, [item]);
          scope.run((signal) => runLane(lane, signal));
        }
      }
    },
    async drain(signal) {
      if (signal.aborted) return;
      await Promise.race([
        scope.idle(),
        new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => resolve(), { once: true });
        }),
      ]);
    },
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  };
}

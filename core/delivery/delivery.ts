/**
 * The way out: each outbox row is sent once, in order per conversation, or becomes a dead letter.
 *
 * @module
 */
import type { Channel, SendResult } from "../channels/channel.ts";
import { type Clock, codeOf, type ErrorCode, messageOf } from "../contract/mod.ts";
import { backoffMs } from "../flow/backoff.ts";
import { delay } from "../flow/delay.ts";
import type { Log } from "../flow/log.ts";
import { openScope } from "../flow/scope.ts";
import type { DeadLetters } from "../queues/dead_letters.ts";
import type { OpenOutbound, Outbound, Outbox } from "../queues/outbox.ts";
import type { Redactor } from "../redact/redactor.ts";
import type { Store, Write } from "../store/store.ts";

const RETRY = { firstMs: 1_000, maxMs: 300_000 };
const MAX_ATTEMPTS = 10;
/** Between looks at a channel that cannot send, in milliseconds. */
const NOT_READY_PAUSE_MS = 5_000;

/** Between looks at a message that must wait; it is woken when that has changed, in milliseconds. */
const LATER_PAUSE_MS = 30_000;

/** Why a message must not go out now. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly reason: string;
  /** Whether it may go later; otherwise it becomes a dead letter. */
  readonly later: boolean;
  /** Rows to commit with the dead letter. */
  readonly writes: readonly Write[];
}

/** What the delivery needs. */
export interface DeliveryDeps {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly deadLetters: DeadLetters;
  readonly channels: ReadonlyMap<string, Channel>;
  /** Why a message must not go out now, asked right before each send, with nothing in between. */
  readonly fence: (outbound: Outbound) => Refusal | undefined;
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
  /** Lets what waits for its next try look again whether it may go. */
  readonly wake: (account: string) => void;
  /** What a tenant's channels were asked to send and have not answered yet. */
  readonly underWay: (account: string) => {
    readonly ids: ReadonlySet<string>;
    readonly settled: Promise<void>;
  };
  /** Resolves when nothing is left to send, or when `signal` aborts. */
  readonly drain: (signal: AbortSignal) => Promise<void>;
}

function failed(reason: string): Refusal {
  return { code: "outbound_failed", reason, later: false, writes: [] };
}

/** Starts the delivery. */
export function openDelivery(deps: DeliveryDeps): Delivery {
  const { store, outbox, channels, now, log } = deps;
  const scope = openScope({ onError: (error) => log.error("delivery.failed", { error }) });
  const lanes = new Map<string, OpenOutbound[]>();
  /** Ends the wait of a lane for its next try, by account. */
  const naps = new Map<string, Set<AbortController>>();
  const asked = new Map<
    string,
    { readonly account: string; readonly answered: Promise<unknown> }
  >();

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
      signal.throwIfAborted();
      try {
        if (nextAtMs > now() && await slept(item, nextAtMs - now(), signal)) continue;
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

  /**
   * Waits, at most `ms` and until it is woken. False, without a wait, when the message is gone or must
   * not go out: those behind it need not wait for its time.
   */
  async function slept(
    { account_id: account, id }: OpenOutbound,
    ms: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const alarm = new AbortController();
    const others = naps.get(account) ?? new Set();
    naps.set(account, others.add(alarm));
    try {
      const outbound = await outbox.find(account, id);
      if (outbound === undefined || deps.fence(outbound)?.later === false) return false;
      await delay(ms, { signal: AbortSignal.any([signal, alarm.signal]) });
    } catch (error) {
      if (!alarm.signal.aborted) throw error;
    } finally {
      others.delete(alarm);
      if (others.size === 0) naps.delete(account);
    }
    return true;
  }

  /** Tries once; returns when to try again, or undefined when the row is settled. */
  async function sendOnce(
    account: string,
    id: string,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const outbound = await outbox.find(account, id);
    if (outbound === undefined) return undefined;
    const refusal = deps.fence(outbound);
    if (refusal?.later === true) return now() + LATER_PAUSE_MS;
    if (refusal !== undefined) return bury(outbound, refusal);
    const result = await attempt(outbound, signal);
    switch (result.kind) {
      case "sent": {
        const sentAtMs = now();
        await store.commit(outbox.rowsForSent(account, id, result.receipt, sentAtMs));
        deps.onSent(outbound, sentAtMs);
        return undefined;
      }
      case "permanent":
        return bury(outbound, failed(result.reason));
      case "not_ready":
      case "auth":
        // Not the message's fault: it waits as long as it may, and no attempt is counted.
        return now() + NOT_READY_PAUSE_MS;
      case "retry": {
        const failures = outbound.attempts + 1;
        if (failures >= MAX_ATTEMPTS) return bury(outbound, failed(result.reason));
        const nextAtMs = now() + (result.afterMs ?? backoffMs(failures, RETRY));
        await store.commit(outbox.rowsForRetry(account, id, nextAtMs));
        return nextAtMs;
      }
    }
  }

  /** Nothing may be awaited before the channel is asked, or a fence could come down in between. */
  async function attempt(outbound: Outbound, signal: AbortSignal): Promise<SendResult> {
    if (outbound.expires_at_ms <= now()) return { kind: "permanent", reason: "it waited too long" };
    const channel = channels.get(outbound.channel);
    if (channel === undefined) {
      return { kind: "permanent", reason: `channel "${outbound.channel}" is not configured` };
    }
    const answered = channel.send(outbound, { signal });
    asked.set(outbound.id, {
      account: outbound.account_id,
      answered: answered.catch(() => undefined), // the attempt itself hears of it
    });
    try {
      return await answered;
    } finally {
      asked.delete(outbound.id);
    }
  }

  async function bury(
    outbound: Outbound,
    { code, reason, writes }: Refusal,
  ): Promise<undefined> {
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
        code,
        detail: deps.redact(reason, account),
        at_ms: now(),
      }),
      ...writes,
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
    wake(account) {
      for (const alarm of naps.get(account) ?? []) alarm.abort();
    },
    underWay(account) {
      const own = [...asked].filter(([, send]) => send.account === account);
      return {
        ids: new Set(own.map(([id]) => id)),
        settled: Promise.all(own.map(([, { answered }]) => answered)).then(() => {}),
      };
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

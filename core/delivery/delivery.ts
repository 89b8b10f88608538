/**
 * The way out: each outbox row is sent once, in order per conversation, or becomes a dead letter.
 *
 * @module
 */
import type { Channels } from "../channels/ingress.ts";
import { type Clock, codeOf, messageOf } from "../contract/mod.ts";
import type { RowsForEvents } from "../events/event_rows.ts";
import { aborted } from "../flow/aborted.ts";
import { backoffMs } from "../flow/backoff.ts";
import type { Log } from "../flow/log.ts";
import { openScope } from "../flow/scope.ts";
import type { DeadLetters } from "../queues/dead_letters.ts";
import type { Depart, OpenOutbound, Outbound, UnsentOutbound } from "../queues/outbound.ts";
import type { Outbox } from "../queues/outbox.ts";
import type { Redactor } from "../redact/redactor.ts";
import type { Store, Write } from "../store/store.ts";
import {
  type Attempts,
  createAttempts,
  type Fence,
  type Refusal,
  type SendEnd,
} from "./attempt.ts";
import { createDepartures } from "./departures.ts";
import { createPauses } from "./pauses.ts";
import { outboundEvent } from "./record.ts";
import { inOutboxSpan } from "./spans.ts";

const RETRY = { firstMs: 1_000, maxMs: 300_000 };
const MAX_ATTEMPTS = 10;
/** Between looks at a channel that cannot send, in milliseconds; news of it ends the pause. */
const NOT_READY = { firstMs: 2_000, maxMs: 60_000 };

/** Between looks at a message that a fence holds back; it is woken when that changed, in milliseconds. */
const HELD_PAUSE_MS = 30_000;

/** What the delivery needs. */
export interface DeliveryDeps {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly deadLetters: DeadLetters;
  readonly channels: Channels;
  /** Asked right before each send, or the commit that is one, in order; the first that objects counts. */
  readonly fences: readonly Fence[];
  readonly eventRows: RowsForEvents;
  /** Hears of each send once its row says so. */
  readonly onSent: (outbound: UnsentOutbound, sentAtMs: number) => void;
  readonly redact: Redactor;
  readonly uuid: () => string;
  readonly now: Clock;
  readonly log: Log;
}

/** The running delivery. Disposing stops between sends; what is unsent stays on disk. */
export interface Delivery extends AsyncDisposable {
  /** Sends rows that are on disk, after those of the same conversation already given. */
  readonly push: (items: readonly OpenOutbound[]) => void;
  /**
   * Lets a message leave with a commit of whoever wrote it. Where its channel delivers by its rows, none of its
   * conversation waits here and nothing objects, that commit sends it; else it queues it.
   */
  readonly depart: Depart;
  /** Lets what waits look again whether it may go, and whether its channel can send; of all tenants, or one. */
  readonly wake: (account?: string) => void;
  /** What a tenant's channels were asked to send, or commits are to deliver, and is not settled yet. */
  readonly underWay: Attempts["underWay"];
  /** Waits for nothing any more; resolves when what can go has gone, or when `signal` aborts. */
  readonly drain: (signal: AbortSignal) => Promise<void>;
}

/** What is to be done about a row next. */
type Next =
  | { readonly kind: "settled" }
  | {
    readonly kind: "again";
    readonly atMs: number;
    /** Whether news of the channel makes it worth trying before. */
    readonly onNews?: boolean;
  };

const SETTLED: Next = { kind: "settled" };

/** Starts the delivery. */
export function openDelivery(deps: DeliveryDeps): Delivery {
  const { store, outbox, now, log } = deps;
  const scope = openScope({ onError: (error) => log.error("delivery.failed", { error }) });
  const attempts = createAttempts(deps);
  const pauses = createPauses();
  const lanes = new Map<string, OpenOutbound[]>();
  let patient = true;

  async function runLane(lane: string, signal: AbortSignal): Promise<void> {
    const items = lanes.get(lane) ?? [];
    for (let item = items[0]; item !== undefined; item = items[0]) {
      // What is left waiting is on disk; the next start goes on with it.
      const span = { parent: item.traceparent, startMs: item.created_at_ms };
      if (!await inOutboxSpan(item, span, () => sendUntilSettled(item, signal))) break;
      items.shift();
    }
    lanes.delete(lane);
  }

  /** Whether the row is settled; otherwise nobody may wait for it any more. */
  async function sendUntilSettled(item: OpenOutbound, signal: AbortSignal): Promise<boolean> {
    const { account_id: account } = item;
    let next: Next = { kind: "again", atMs: item.next_at_ms };
    for (let notReady = 0; next.kind === "again";) {
      signal.throwIfAborted();
      const outbound = await insist(account, () => outbox.load(item), signal);
      if (outbound === undefined) return true;
      // What must not go out any more need not wait for its time, nor let others wait behind it.
      if (next.atMs > now() && !attempts.isOver(outbound)) {
        if (!patient) return false;
        const woken = await pauses.pause(account, next.atMs - now(), signal);
        if (!woken || next.onNews !== true) continue;
        next = { kind: "again", atMs: now() };
        continue;
      }
      const end = await attempts.send(outbound, signal);
      notReady = end.kind === "not_ready" || end.kind === "auth" ? notReady + 1 : 0;
      next = await insist(account, () => settle(outbound, end, notReady), signal);
    }
    return true;
  }

  /** Tries to read or write until it works: a full disk must not make a message go out twice. */
  async function insist<T>(
    account: string,
    work: () => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    for (let failures = 1;; failures++) {
      try {
        return await work();
      } catch (error) {
        if (codeOf(error) === "store_closed") throw error;
        log.error("outbound.unrecorded", { code: codeOf(error), error: messageOf(error) });
        await pauses.pause(account, backoffMs(failures, RETRY), signal);
      }
    }
  }

  /** Records how a try ended, unless the row was settled meanwhile: by a quick receipt, or an erasure. */
  async function settle(outbound: UnsentOutbound, end: SendEnd, notReady: number): Promise<Next> {
    const { account_id: account, id } = outbound;
    try {
      return await record(outbound, end, notReady);
    } catch (error) {
      if (codeOf(error) !== "conflict") throw error;
      if (await outbox.find(account, id) !== undefined) throw error;
      log.info("outbound.settled_meanwhile", { id, account, end: end.kind });
      return SETTLED;
    }
  }

  async function record(outbound: UnsentOutbound, end: SendEnd, notReady: number): Promise<Next> {
    const { account_id: account, id } = outbound;
    switch (end.kind) {
      case "sent": {
        const sentAtMs = now();
        await store.commit([
          ...outbox.rowsForSent(account, id, end.receipt, sentAtMs),
          ...rowsForSend(outbound, end.receipt, sentAtMs),
        ]);
        tellSent(outbound, sentAtMs);
        return SETTLED;
      }
      case "dead":
        await bury(outbound, end);
        return SETTLED;
      case "retry": {
        const failures = outbound.attempts + 1;
        if (failures >= MAX_ATTEMPTS) {
          await bury(outbound, { code: "outbound_failed", reason: end.reason });
          return SETTLED;
        }
        const atMs = now() + (end.afterMs ?? backoffMs(failures, RETRY));
        await store.commit(outbox.rowsForRetry(account, id, atMs));
        return { kind: "again", atMs };
      }
      case "limited": {
        const atMs = now() + end.afterMs;
        await store.commit(outbox.rowsForWait(account, id, atMs));
        return { kind: "again", atMs };
      }
      case "held":
        return { kind: "again", atMs: now() + HELD_PAUSE_MS, onNews: true };
      case "wait":
        return { kind: "again", atMs: now() + end.ms };
      case "not_ready":
      case "auth": {
        log.warn("channel.cannot_send", {
          channel: `${outbound.channel}:${outbound.instance}`,
          reason: deps.redact(end.reason, account),
        });
        const atMs = now() + backoffMs(notReady, NOT_READY);
        // Only a message that a provider was asked to take has anything to be set back.
        if (end.kind === "auth") await store.commit(outbox.rowsForWait(account, id, atMs));
        return { kind: "again", atMs, onNews: true };
      }
    }
  }

  /** Rows that tell of a send, beside that of the outbox. */
  function rowsForSend(
    outbound: UnsentOutbound,
    receipt: string | null,
    sentAtMs: number,
  ): Write[] {
    return [
      ...deps.channels.get(outbound.channel)?.rowsForSent?.(outbound, sentAtMs) ?? [],
      ...deps.eventRows({
        account: outbound.account_id,
        events: [outboundEvent(outbound, { kind: "sent", msgId: receipt, atMs: sentAtMs })],
      }),
    ];
  }

  /** It is sent, whatever whoever hears of it makes of that. */
  function tellSent(outbound: UnsentOutbound, sentAtMs: number): void {
    try {
      deps.onSent(outbound, sentAtMs);
    } catch (error) {
      log.error("outbound.untold", { code: codeOf(error), error: messageOf(error) });
    }
  }

  async function bury(
    outbound: UnsentOutbound,
    { code, reason, writes = [] }: Pick<Refusal, "code" | "reason" | "writes">,
  ): Promise<void> {
    const { account_id: account, id, channel, instance } = outbound;
    const detail = deps.redact(reason, account);
    log.warn("outbound.dead", { id, account, channel, reason: detail });
    await store.commit([
      ...outbox.rowsForDead(account, id),
      ...deps.deadLetters.rowsForDead({
        id: deps.uuid(),
        account_id: account,
        kind: "outbox",
        ref_id: id,
        source: `${channel}:${instance}`,
        code,
        detail,
        at_ms: now(),
      }),
      ...deps.eventRows({
        account,
        events: [outboundEvent(outbound, { kind: "failed", reason: detail, atMs: now() })],
      }),
      ...writes,
    ]);
  }

  function push(items: readonly OpenOutbound[]): void {
    for (const item of items) {
      const lane = laneOf(item);
      const waiting = lanes.get(lane);
      if (waiting !== undefined) waiting.push(item);
      else {
        lanes.set(lane, [item]);
        scope.run((signal) => runLane(lane, signal));
      }
    }
  }

  return {
    push,
    depart: createDepartures({
      ...deps,
      attempts,
      isBehind: (outbound) => lanes.has(laneOf(outbound)),
      rowsForSend,
      tellSent,
      push,
    }),
    wake: pauses.wake,
    underWay: attempts.underWay,
    async drain(signal) {
      patient = false;
      pauses.wake();
      await Promise.race([scope.idle(), aborted(signal)]);
    },
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  };
}

/** The conversation of a message, whose messages go one after another. */
function laneOf({ account_id, session_id }: Pick<Outbound, "account_id" | "session_id">): string {
  return `${account_id}/${session_id}`;
}

/**
 * One try of one message: everything that may keep it from going out is asked, in order, and then it goes.
 *
 * @module
 */
import type { Channel, SendResult } from "../channels/channel.ts";
import type { Channels } from "../channels/ingress.ts";
import { type Clock, type ErrorCode, messageOf } from "../contract/mod.ts";
import { openDeadline } from "../flow/deadline.ts";
import { createFairTurns, type FairTurns } from "../flow/fair_turns.ts";
import { isTracing } from "../flow/trace.ts";
import type { Outbound, UnsentOutbound } from "../queues/outbound.ts";
import type { Outbox } from "../queues/outbox.ts";
import type { Store, Write } from "../store/store.ts";
import { createPace } from "./pace.ts";
import { inOutboxSpan, inSendSpan } from "./spans.ts";

/** Why a message must not go out now. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly reason: string;
  /** Whether it may go later; otherwise it becomes a dead letter. */
  readonly later: boolean;
  /** Rows to commit with the dead letter. @default none */
  readonly writes?: readonly Write[];
}

/** Why a message must not go out now, or undefined when it may. */
export type Fence = (outbound: Outbound) => Refusal | undefined;

/** How a try ended. */
export type SendEnd =
  | Exclude<SendResult, { kind: "permanent" }>
  /** Not its turn yet: nothing was tried. */
  | { readonly kind: "wait"; readonly ms: number }
  /** A fence says "later": nothing was tried. */
  | { readonly kind: "held" }
  | ({ readonly kind: "dead" } & Pick<Refusal, "code" | "reason" | "writes">);

/** What trying needs. */
export interface AttemptDeps {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly channels: Channels;
  readonly fences: readonly Fence[];
  readonly now: Clock;
}

/** The way to try, and what is being tried. */
export interface Attempts {
  /** Rejects only when `signal` aborts. */
  readonly send: (outbound: UnsentOutbound, signal: AbortSignal) => Promise<SendEnd>;
  /** Whether a message goes nowhere any more, whatever time it waits for. */
  readonly isOver: (outbound: UnsentOutbound) => boolean;
  /** Whether nothing keeps a message from going now; nothing may be awaited before it goes. */
  readonly mayGo: (outbound: UnsentOutbound) => boolean;
  /** Sends messages of one channel by `commit`, which writes their rows; rejects as it does. */
  readonly sendByRows: (
    outbounds: readonly UnsentOutbound[],
    commit: () => Promise<void>,
  ) => Promise<void>;
  /** What a tenant's channels were asked to send, or commits are to deliver, and is not settled yet. */
  readonly underWay: (account: string) => {
    readonly ids: ReadonlySet<string>;
    readonly settled: Promise<void>;
  };
}

/** Sends of one instance under way at once. */
const MAX_SENDS = 8;
/** The longest one send may take, in milliseconds. */
const SEND_LIMIT_MS = 60_000;

/** How long a receipt of what a killed process may have sent is waited for, in milliseconds. */
const CONFIRM_MS = 15_000;

/** Returns the way to try. */
export function createAttempts(deps: AttemptDeps): Attempts {
  const { store, outbox, channels, now } = deps;
  const pace = createPace(deps);
  const startedAtMs = now();
  const turns = new Map<string, FairTurns>();
  const asked = new Map<
    string,
    { readonly account: string; readonly answered: Promise<unknown> }
  >();

  /** Why the message does not go out now; undefined when it may. */
  function hindrance(outbound: UnsentOutbound): SendEnd | undefined {
    if (outbound.expires_at_ms <= now()) return dead("outbound_expired", "it waited too long");
    const channel = channels.get(outbound.channel);
    if (channel === undefined) return failed(`channel "${outbound.channel}" does not exist`);
    if (!channel.sends.has(outbound.body.kind)) {
      return failed(`channel "${outbound.channel}" sends no ${outbound.body.kind}`);
    }
    for (const fence of deps.fences) {
      const refusal = fence(outbound);
      if (refusal?.later === true) return { kind: "held" };
      if (refusal !== undefined) return { kind: "dead", ...refusal };
    }
    if (outbound.unsureSinceMs !== null && !channel.repeats) {
      // While core was down nobody could hear a receipt, so the wait begins when it is back.
      const sinceMs = Math.max(outbound.unsureSinceMs, startedAtMs);
      const untilMs = channel.confirms === true ? sinceMs + CONFIRM_MS : 0;
      if (untilMs > now()) return { kind: "wait", ms: untilMs - now() };
      const reason = "core stopped while it was sent; replay it if it did not arrive";
      return dead("outbound_uncertain", reason);
    }
    return undefined;
  }

  async function sendInTurn(
    outbound: UnsentOutbound,
    channel: Channel,
    signal: AbortSignal,
  ): Promise<SendEnd> {
    const { account_id: account, id, instance } = outbound;
    const place = `${channel.id}:${instance}`;
    const unready = await channel.ready?.(instance);
    if (unready !== undefined) return unready;
    const waitMs = pace.take(place, channel.rateOf?.(instance));
    if (waitMs > 0) return { kind: "wait", ms: waitMs };
    if (!channel.repeats) await store.commit(outbox.rowsForTrying(account, id, now()));
    // Between this look and the send nothing is awaited, or a fence could come down in between.
    const stopped = hindrance(outbound);
    if (stopped?.kind === "held" && !channel.repeats) {
      await store.commit(outbox.rowsForWait(account, id, now()));
    }
    if (stopped !== undefined) return stopped;
    const result = await ask(outbound, channel, signal);
    if (result.kind === "limited" && result.wide) pace.rest(place, result.afterMs);
    return result.kind === "permanent" ? failed(result.reason) : result;
  }

  async function ask(
    outbound: UnsentOutbound,
    channel: Channel,
    signal: AbortSignal,
  ): Promise<SendResult> {
    using deadline = openDeadline(signal, SEND_LIMIT_MS);
    return await follow(
      [outbound],
      inSendSpan(channel.id, () => channel.send(outbound, { signal: deadline.signal })),
    );
  }

  /** Has messages counted as under way until `answered` is settled. */
  async function follow<T>(
    outbounds: readonly UnsentOutbound[],
    answered: Promise<T>,
  ): Promise<T> {
    const settled = answered.catch(() => undefined); // whoever sends them hears of it
    for (const { id, account_id: account } of outbounds) {
      asked.set(id, { account, answered: settled });
    }
    try {
      return await answered;
    } finally {
      for (const { id } of outbounds) asked.delete(id);
    }
  }

  return {
    async send(outbound, signal) {
      const hindered = hindrance(outbound);
      const channel = channels.get(outbound.channel);
      if (hindered !== undefined || channel === undefined) {
        return hindered ?? failed("it has no channel");
      }
      const place = `${channel.id}:${outbound.instance}`;
      const inTurn = turns.get(place) ?? createFairTurns(MAX_SENDS);
      turns.set(place, inTurn);
      try {
        return await inTurn(outbound.account_id, () => sendInTurn(outbound, channel, signal));
      } catch (error) {
        if (signal.aborted) throw error;
        return { kind: "retry", reason: messageOf(error) };
      }
    },
    isOver: (outbound) => hindrance(outbound)?.kind === "dead",
    mayGo: (outbound) => hindrance(outbound) === undefined,
    async sendByRows(outbounds, commit) {
      const committed = commit();
      await follow(outbounds, isTracing() ? inSpansOf(outbounds, committed) : committed);
    },
    underWay(account) {
      const own = [...asked].filter(([, send]) => send.account === account);
      return {
        ids: new Set(own.map(([id]) => id)),
        settled: Promise.all(own.map(([, { answered }]) => answered)).then(() => {}),
      };
    },
  };
}

/** Messages that a commit sends, as spans. */
function inSpansOf(
  outbounds: readonly UnsentOutbound[],
  committed: Promise<void>,
): Promise<unknown> {
  return Promise.all(
    outbounds.map((outbound) =>
      inOutboxSpan(outbound, {}, () =>
        inSendSpan(outbound.channel, async () => {
          await committed;
          return { kind: "sent" };
        }))
    ),
  );
}

function dead(code: ErrorCode, reason: string): SendEnd {
  return { kind: "dead", code, reason };
}

function failed(reason: string): SendEnd {
  return dead("outbound_failed", reason);
}

/**
 * Keeps times: looks at what is due, and turns each time into a message for an agent or a look outside.
 *
 * The timer only wakes it; what is due is what the table says.
 *
 * @module
 */
import { type Clock, codeOf, type Inbound, messageOf } from "../contract/mod.ts";
import type { RowsForEvents } from "../events/event_rows.ts";
import type { Log } from "../flow/log.ts";
import { openScope } from "../flow/scope.ts";
import { inSpan } from "../flow/trace.ts";
import { type Inbounds, type OpenInbound, openInbound } from "../queues/inbounds.ts";
import type { Store } from "../store/store.ts";
import { nextAfterSetBack, type Plan, planOf } from "./plan.ts";
import type { Schedule } from "./schedule.ts";
import type { DuePosition, ScheduleReads } from "./schedule_reads.ts";
import { rowsForKept, rowsForMoved, rowsForReleasedForOperator } from "./schedule_rows.ts";

/** The longest sleep, so that a clock that was set is noticed, in milliseconds. */
const MAX_SLEEP_MS = 30_000;
/** Schedules of one tenant that are looked at together. */
const PAGE = 50;
/** Looks outside at once, of one tenant. */
const MAX_POLLS = 4;
/** A clock that goes back by less is only being trimmed, in milliseconds. */
const SET_BACK_MS = 1_000;

/** What keeping times needs. */
export interface RunnerDeps {
  readonly store: Store;
  readonly reads: ScheduleReads;
  readonly inbounds: Inbounds;
  readonly eventRows: RowsForEvents;
  readonly sessionIdOf: (key: Inbound["key"]) => string;
  /** Whether tenant and agent are there and active; what waits for them stays due. */
  readonly isReady: (schedule: Schedule) => boolean;
  /** Whether it looks outside instead of making a message. */
  readonly looksOutside: (schedule: Schedule) => boolean;
  /** The message a time becomes; undefined when there is nothing to say any more. */
  readonly messageAt: (schedule: Schedule, slotMs: number) => Promise<Inbound | undefined>;
  /** Looks outside once and puts on record what came of it; never rejects for what it finds there. */
  readonly poll: (schedule: Schedule, slotMs: number, signal: AbortSignal) => Promise<void>;
  /** Whether so many more messages of a tenant may wait. */
  readonly accepts: (account: string, count: number) => boolean;
  /** Takes messages that are on disk. */
  readonly schedule: (items: readonly OpenInbound[]) => void;
  readonly now: Clock;
  readonly log: Log;
}

/** Keeps times. Disposing stops; what is due stays due. */
export interface Runner extends AsyncDisposable {
  /** Picks up what an earlier process left, then runs by itself. */
  readonly start: () => Promise<void>;
  /** Looks now: something is new, or may run again. */
  readonly wake: () => void;
  /** Keeps everything that is due now; resolves when it is on record. */
  readonly tick: () => Promise<void>;
}

/** Returns a runner that stands still. */
export function openRunner(deps: RunnerDeps): Runner {
  const { store, reads, now, log } = deps;
  const scope = openScope({ onError: (error) => log.error("schedules.failed", { error }) });
  /** Tenants whose schedules are being looked at, so that none waits for another. */
  const lanes = new Set<string>();
  /** Those of them that had to be looked at again meanwhile. */
  const passedOver = new Set<string>();
  const polling = new Map<string, Set<string>>();
  let timer: NodeJS.Timeout | undefined;
  let asked = 0;
  let started = false;
  /** What was due by then was looked at, but for those passed over. */
  let lastNowMs = now();
  let looking = false;
  let again = false;

  async function look(signal: AbortSignal): Promise<void> {
    const nowMs = now();
    if (nowMs < lastNowMs - SET_BACK_MS) await setBack(nowMs);
    lastNowMs = nowMs;
    for (const account of await reads.dueAccountsForOperator(nowMs)) {
      if (signal.aborted) return;
      if (lanes.has(account)) {
        passedOver.add(account);
        continue;
      }
      lanes.add(account);
      scope.run(async () => {
        try {
          await runLane(account, nowMs);
        } finally {
          lanes.delete(account);
        }
        // Only now it is known when these are due next.
        if (passedOver.delete(account)) wake();
        else await setTimer();
      });
    }
  }

  /** Looks at each due schedule of a tenant once, in the order of time. */
  async function runLane(account: string, nowMs: number): Promise<void> {
    let after: DuePosition = { wakeAtMs: Number.MIN_SAFE_INTEGER, id: "" };
    for (;;) {
      const due = await reads.due(account, nowMs, after, PAGE);
      await Promise.all(due.map((schedule) => keepSafely(schedule)));
      const last = due.at(-1);
      if (last === undefined || due.length < PAGE || scope.signal.aborted) return;
      after = { wakeAtMs: last.wakeAtMs ?? 0, id: last.id };
    }
  }

  async function keepSafely(schedule: Schedule): Promise<void> {
    try {
      if (deps.isReady(schedule)) await traced(schedule, () => keep(schedule));
    } catch (error) {
      // Somebody changed it meanwhile: it is looked at again as it is now.
      if (codeOf(error) === "conflict" || scope.signal.aborted) return;
      const { id, account, kind } = schedule;
      log.error("schedule.not_kept", { id, account, kind, error: messageOf(error) });
    }
  }

  async function keep(schedule: Schedule): Promise<void> {
    const nowMs = now();
    const plan = await planNow(schedule, nowMs);
    const slotMs = plan.keep.at(-1);
    if (slotMs !== undefined && deps.looksOutside(schedule)) return startPoll(schedule, slotMs);
    if (!deps.accepts(schedule.account, plan.keep.length)) return;

    const made = await Promise.all(plan.keep.map((timeMs) => deps.messageAt(schedule, timeMs)));
    const inbounds = made.filter((inbound) => inbound !== undefined);
    if (inbounds.length < made.length) log.warn("schedule.says_nothing", { id: schedule.id });
    const items = inbounds.map((inbound) =>
      openInbound(inbound, deps.sessionIdOf(inbound.key), nowMs)
    );
    await store.commit([
      ...rowsForKept(schedule, {
        slots: plan.keep,
        nextAtMs: plan.nextAtMs,
        inboundId: inbounds.at(-1)?.id,
      }, nowMs),
      ...inbounds.flatMap((inbound, i) =>
        deps.inbounds.rowsForQueued(inbound, items[i]?.session_id ?? "", nowMs)
      ),
      ...(plan.missedAny ? missedRows(schedule, plan, nowMs) : []),
    ]);
    deps.schedule(items);
  }

  async function planNow(schedule: Schedule, nowMs: number): Promise<Plan> {
    const { forced, nextAtMs, misfire, lastInboundId, account } = schedule;
    if (forced || nextAtMs === null) {
      return { keep: [nowMs], missedAny: false, nextAtMs: nextAtMs ?? undefined };
    }
    const plan = planOf({ ...schedule, nextAtMs }, nowMs);
    const mayPileUp = misfire === "all" || lastInboundId === null || plan.keep.length === 0;
    if (mayPileUp || !await reads.isAtWork(account, lastInboundId)) return plan;
    // The agent is still busy with the time before: another message would only make a queue.
    return { ...plan, keep: [], missedAny: true };
  }

  function missedRows(
    { id, kind, name, agentId, account, nextAtMs }: Schedule,
    plan: Plan,
    nowMs: number,
  ) {
    log.info("schedule.missed", { id, account, kind, since: nextAtMs, kept: plan.keep.length });
    return deps.eventRows({
      account,
      events: [{
        kind: "schedule_missed",
        agent_id: agentId,
        schedule_id: id,
        schedule_kind: kind,
        name,
        since_ms: nextAtMs ?? nowMs,
        kept: plan.keep.length,
        at_ms: nowMs,
      }],
    });
  }

  function startPoll(schedule: Schedule, slotMs: number): void {
    const { account, id } = schedule;
    const underWay = polling.get(account) ?? new Set();
    if (underWay.has(id) || underWay.size >= MAX_POLLS) return;
    polling.set(account, underWay.add(id));
    scope.run(async (signal) => {
      try {
        await deps.poll(schedule, slotMs, signal);
      } finally {
        underWay.delete(id);
        if (underWay.size === 0) polling.delete(account);
      }
      wake();
    });
  }

  /** Times that were planned by a clock that has been set back since. */
  async function setBack(nowMs: number): Promise<void> {
    for (const schedule of await reads.activeForOperator()) {
      const { nextAtMs } = schedule;
      const next = nextAtMs === null
        ? undefined
        : nextAfterSetBack({ ...schedule, nextAtMs }, nowMs);
      if (next === undefined) continue;
      await store.commit(rowsForMoved(schedule, next)).catch((error: unknown) => {
        if (codeOf(error) !== "conflict") throw error;
      });
    }
  }

  function wake(): void {
    if (!started || scope.signal.aborted) return;
    again = true;
    if (looking) return;
    looking = true;
    scope.run(async (signal) => {
      while (again && !signal.aborted) {
        again = false;
        await look(signal).catch((error: unknown) => {
          log.error("schedules.unread", { code: codeOf(error), error: messageOf(error) });
        });
      }
      looking = false;
      await setTimer();
    });
  }

  /**
   * Sleeps until the first time after the last look, which may have come already. Of several who set
   * the timer at once, the one who asked last knows most.
   */
  async function setTimer(): Promise<void> {
    const ask = ++asked;
    const nextMs = await reads.nextWakeForOperator(lastNowMs).catch(() => undefined);
    if (ask !== asked) return;
    clearTimeout(timer);
    if (scope.signal.aborted) return;
    timer = setTimeout(wake, Math.min(MAX_SLEEP_MS, Math.max(0, (nextMs ?? Infinity) - now())));
  }

  return {
    async start() {
      await store.commit(rowsForReleasedForOperator());
      await setBack(now());
      started = true;
      wake();
    },
    wake,
    async tick() {
      await look(scope.signal);
      await scope.idle();
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(timer);
      started = false;
      await scope[Symbol.asyncDispose]();
    },
  };
}

/** A trace of its own, whichever turn made the schedule or woke the runner. */
function traced({ id, account }: Schedule, keep: () => Promise<void>): Promise<void> {
  const attributes = { "nexo.schedule_id": id, "nexo.account_id": account };
  return inSpan("schedule", { parent: null, attributes }, keep);
}

/**
 * One look outside: lease, question, and in one commit what is to be sent and how far the job has come.
 *
 * @module
 */
import { type Clock, codeOf, messageOf, type PollerJob } from "../contract/mod.ts";
import { backoffMs } from "../flow/backoff.ts";
import { delay } from "../flow/delay.ts";
import type { Log } from "../flow/log.ts";
import type { OpenOutbound, Outbound } from "../queues/outbound.ts";
import { timeAfter } from "../settings/timetable.ts";
import type { Sealer } from "../store/sealer.ts";
import type { Store, Write } from "../store/store.ts";
import { jobOf } from "./messages.ts";
import {
  deliveredText,
  failureText,
  isPermanent,
  type PollAnswer,
  readPollAnswer,
} from "./poll_answer.ts";
import { createPollSends, type PollSendDeps } from "./poll_sends.ts";
import type { Schedule } from "./schedule.ts";
import { type ScheduleReads, sealCursor } from "./schedule_reads.ts";
import { type PollEnd, rowsForLease, rowsForPolled, rowsForRenewed } from "./schedule_rows.ts";

/** For how long a look is believed to go on unless it says so again, in milliseconds. */
const LEASE_MS = 30_000;
/** Rests of a job that keeps failing. */
const REST = { firstMs: 30_000, maxMs: 300_000 };

/** Asks whoever brings the job's kind. */
export type AskPoller = (question: {
  readonly job: PollerJob;
  readonly account: string;
  readonly cursor: string | null;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}) => Promise<unknown>;

/** What looking outside needs. */
export interface PollDeps extends PollSendDeps {
  readonly store: Store;
  readonly reads: ScheduleReads;
  readonly sealer: Sealer;
  /** @throws {RpcFault} the microapp's error reply; {@linkcode CodedError} when there is no answer */
  readonly ask: AskPoller;
  /** Sends what is in the outbox. */
  readonly deliver: (items: readonly OpenOutbound[]) => void;
  readonly redact: (text: string) => string;
  readonly uuid: () => string;
  readonly now: Clock;
  readonly log: Log;
}

/** What came of a look. */
interface Look {
  readonly ended: PollEnd;
  /** What is sent, and its rows. */
  readonly items: readonly OpenOutbound[];
  readonly writes: readonly Write[];
}

/** Returns a function that looks once for the time `slotMs`. */
export function createPoll(deps: PollDeps) {
  const { store, reads, settings, now, log } = deps;
  const sends = createPollSends(deps);

  return async function poll(
    schedule: Schedule,
    slotMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const job = jobOf(schedule, settings());
    if (job === undefined) return;
    const leaseId = deps.uuid();
    const nowMs = now();
    try {
      await store.commit(rowsForLease(schedule, leaseId, { untilMs: nowMs + LEASE_MS, nowMs }));
    } catch (error) {
      if (codeOf(error) === "conflict") return;
      throw error;
    }
    const looked = await look(schedule, job, { slotMs, leaseId, signal });
    if (!await count(schedule, leaseId, looked)) {
      // Taken away or taken over meanwhile: nothing of this look counts, and none of it is sent.
      log.warn("poll.not_counted", { job: job.id, account: schedule.account });
      return;
    }
    deps.deliver(looked.items);
  };

  /** Puts a look on record, also on a schedule that was paused meanwhile; false when it is not ours. */
  async function count(schedule: Schedule, leaseId: string, { ended, writes }: Look) {
    for (const known of [schedule, undefined]) {
      const current = known ?? await reads.find(schedule.account, schedule.id);
      if (current === undefined) return false;
      try {
        await store.commit([...rowsForPolled(current, leaseId, ended, now()), ...writes]);
        return true;
      } catch (error) {
        if (codeOf(error) !== "conflict") throw error;
      }
    }
    return false;
  }

  /** Asks, and makes of the answer, or of its lack, how the look ended. */
  async function look(
    schedule: Schedule,
    job: PollerJob,
    { slotMs, leaseId, signal }: { slotMs: number; leaseId: string; signal: AbortSignal },
  ): Promise<Look> {
    const { account } = schedule;
    const over = new AbortController();
    const lost = new AbortController();
    const renewing = renew(schedule, leaseId, AbortSignal.any([signal, over.signal]), lost);
    try {
      const answer = readPollAnswer(
        await deps.ask({
          job,
          account,
          cursor: await reads.cursorOf(account, schedule.id),
          nowMs: now(),
          signal: AbortSignal.any([signal, lost.signal]),
        }),
      );
      const outbounds = outboundsOf(answer, schedule, slotMs);
      return { ended: endOf(answer, schedule, slotMs), ...sends.sendRows(outbounds) };
    } catch (error) {
      if (signal.aborted) throw error;
      const alerts = alertsOf(error, schedule, job, slotMs);
      return {
        ended: failureOf(error, schedule, { slotMs, alerted: alerts.length > 0 }),
        ...sends.sendRows(alerts),
      };
    } finally {
      over.abort();
      await renewing;
    }
  }

  /** Says until `signal` aborts that the look goes on; aborts `lost` when it is not ours any more. */
  async function renew(
    schedule: Schedule,
    leaseId: string,
    signal: AbortSignal,
    lost: AbortController,
  ): Promise<void> {
    try {
      for (;;) {
        await delay(LEASE_MS / 3, { signal });
        await store.commit(rowsForRenewed(schedule, leaseId, now() + LEASE_MS));
      }
    } catch (error) {
      if (!signal.aborted) lost.abort(error);
    }
  }

  function endOf(answer: PollAnswer, schedule: Schedule, slotMs: number): PollEnd {
    const { next_cursor: cursor, next_interval_secs: secs } = answer;
    return {
      status: "ok",
      error: null,
      slotMs,
      nextAtMs: secs == null ? nextOf(schedule) : now() + secs * 1_000,
      cursor: cursor == null
        ? undefined
        : sealCursor(deps.sealer, schedule, cursor.replace(/=+$/, "")),
      itemsSeen: answer.items_seen,
      itemsDispatched: answer.items_dispatched,
    };
  }

  function failureOf(
    error: unknown,
    schedule: Schedule,
    { slotMs, alerted }: { slotMs: number; alerted: boolean },
  ): PollEnd {
    const text = deps.redact(failureText(error));
    const failures = schedule.consecutiveErrors + 1;
    const past = failures - settings().pollers.breaker_threshold;
    log.warn("poll.failed", {
      job: schedule.name,
      account: schedule.account,
      failures,
      error: text,
    });
    return {
      status: isPermanent(error) ? "permanent" : "error",
      error: text,
      slotMs,
      nextAtMs: nextOf(schedule),
      restUntilMs: past < 0 ? undefined : now() + backoffMs(past + 1, REST),
      itemsSeen: 0,
      itemsDispatched: 0,
      alertedAtMs: alerted ? now() : undefined,
    };
  }

  function nextOf({ timetable, nextAtMs, forced }: Schedule): number | undefined {
    const nowMs = now();
    if (forced && (nextAtMs === null || nextAtMs > nowMs)) return nextAtMs ?? undefined;
    return timeAfter(timetable, nowMs, nextAtMs ?? nowMs);
  }

  function outboundsOf(answer: PollAnswer, schedule: Schedule, slotMs: number): Outbound[] {
    return answer.deliver.map(({ channel, recipient, payload }, i) =>
      sends.outboundTo(schedule, channel, recipient, {
        text: deliveredText(payload),
        part: `${slotMs}/${i}`,
      })
    );
  }

  /** Whoever is to hear of failures: once the job fails too often, and not all the time. */
  function alertsOf(
    error: unknown,
    schedule: Schedule,
    job: PollerJob,
    slotMs: number,
  ): Outbound[] {
    const { breaker_threshold: threshold, failure_alert_cooldown_secs: secs } = settings().pollers;
    const { failure_to: to } = job;
    const isBad = isPermanent(error) || schedule.consecutiveErrors + 1 >= threshold;
    const { alertedAtMs } = schedule;
    const isQuiet = alertedAtMs !== null && now() < alertedAtMs + secs * 1_000;
    if (to === undefined || !isBad || isQuiet) return [];
    const text = `Job "${job.id}" keeps failing: ${deps.redact(failureText(error))}`;
    try {
      return [sends.outboundTo(schedule, to.channel, to.to, { text, part: `${slotMs}/failed` })];
    } catch (unreachable) {
      log.warn("poll.nobody_told", { job: job.id, error: messageOf(unreachable) });
      return [];
    }
  }
}

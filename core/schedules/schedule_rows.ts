/**
 * Writes on the table `schedules`. Those on one schedule fail with `conflict` when it is not any more
 * what the caller saw.
 *
 * @module
 */
import type { Timetable } from "../contract/mod.ts";
import { insert, statement, type Value, type Write } from "../store/store.ts";
import { wakeAtMs } from "./plan.ts";
import { MAX_SCHEDULES, type Schedule, type ScheduleSpec, type ScheduleState } from "./schedule.ts";

/** How many of the times that were kept are remembered of each schedule. */
const SLOTS_KEPT = 100;

/** A new schedule; fails with `conflict` when its tenant has {@linkcode MAX_SCHEDULES}. */
export function rowsForNew(
  spec: ScheduleSpec,
  { nextAtMs, paused, note, nowMs }: {
    readonly nextAtMs: number | undefined;
    readonly paused: boolean;
    /** The sealed note of a reminder. */
    readonly note: Uint8Array | null;
    readonly nowMs: number;
  },
): Write[] {
  const state = paused ? "paused" : nextAtMs === undefined ? "done" : "active";
  const row: Record<string, Value> = {
    id: spec.id,
    account_id: spec.account,
    kind: spec.kind,
    name: spec.name,
    agent_id: spec.agentId,
    session_id: spec.sessionId,
    ...timeColumns(spec),
    sealed: note,
    state,
    next_at_ms: nextAtMs ?? null,
    wake_at_ms: wakeOf(spec, state, nextAtMs),
    created_at_ms: nowMs,
  };
  const columns = Object.keys(row);
  return [statement(
    `INSERT INTO schedules (${columns.join(", ")}) SELECT ${columns.map(() => "?").join(", ")}
     WHERE (SELECT count(*) FROM schedules WHERE account_id = ?) < ?`,
    [...Object.values(row), spec.account, MAX_SCHEDULES],
    1,
  )];
}

/** What the config says of a schedule now; its times are counted anew. */
export function rowsForChanged(
  { state }: Schedule,
  spec: ScheduleSpec,
  nextAtMs: number | undefined,
): Write[] {
  const next = state === "paused" ? state : nextAtMs === undefined ? "done" : "active";
  const columns = {
    agent_id: spec.agentId,
    ...timeColumns(spec),
    state: next,
    next_at_ms: nextAtMs ?? null,
    wake_at_ms: wakeOf(spec, next, nextAtMs),
    consecutive_errors: 0,
  };
  return [update(spec, columns)];
}

/** Takes a schedule away, and the memory of the times it kept. */
export function rowsForDeleted({ account, id }: Pick<Schedule, "account" | "id">): Write[] {
  return [
    statement("DELETE FROM schedules WHERE account_id = ? AND id = ?", [account, id], 1),
    statement("DELETE FROM schedule_slots WHERE schedule_id = ?", [id]),
  ];
}

/** Pauses a schedule, or lets it go on at `nextAtMs`. */
export function rowsForState(
  schedule: Schedule,
  state: ScheduleState,
  nextAtMs: number | null,
): Write[] {
  return [update(schedule, {
    state,
    next_at_ms: nextAtMs,
    wake_at_ms: wakeOf(schedule, state, nextAtMs ?? undefined),
    ...(state === "active" ? { consecutive_errors: 0 } : {}),
  })];
}

/** Lets a schedule run once, now. */
export function rowsForForced(schedule: Schedule, nowMs: number): Write[] {
  return [update(schedule, { forced: 1, wake_at_ms: nowMs })];
}

/** Moves the next time, and with it when to look. */
export function rowsForMoved(schedule: Schedule, nextAtMs: number): Write[] {
  const columns = {
    next_at_ms: nextAtMs,
    wake_at_ms: wakeOf(schedule, schedule.state, nextAtMs),
    last_slot_ms: null,
  };
  return [update(schedule, columns, "next_at_ms = ?", [schedule.nextAtMs])];
}

/** What came of times that have passed. */
export interface Kept {
  /** The times that were kept; each can be kept once. */
  readonly slots: readonly number[];
  readonly nextAtMs: number | undefined;
  /** The message the newest of them became. */
  readonly inboundId: string | undefined;
}

/** Marks times as kept; a reminder without another time is gone. */
export function rowsForKept(schedule: Schedule, kept: Kept, nowMs: number): Write[] {
  const { account, id, kind, nextAtMs, forced } = schedule;
  const unchanged = ["next_at_ms IS ? AND forced = ? AND lease_id IS NULL", [
    nextAtMs,
    forced ? 1 : 0,
  ]] as const;
  if (kind === "reminder" && kept.nextAtMs === undefined) {
    return [
      statement(
        `DELETE FROM schedules WHERE account_id = ? AND id = ? AND ${unchanged[0]}`,
        [account, id, ...unchanged[1]],
        1,
      ),
      statement("DELETE FROM schedule_slots WHERE schedule_id = ?", [id]),
    ];
  }
  const columns = {
    ...nextColumns(schedule, kept.nextAtMs),
    last_slot_ms: kept.slots.at(-1) ?? schedule.lastSlotMs,
    ...(kept.inboundId === undefined
      ? {}
      : { last_inbound_id: kept.inboundId, last_run_at_ms: nowMs, last_status: "ok" }),
  };
  return [update(schedule, columns, ...unchanged), ...slotRows(schedule, kept.slots, nowMs)];
}

/** Takes a job that looks outside, unless another look is believed to be under way. */
export function rowsForLease(
  schedule: Schedule,
  leaseId: string,
  { untilMs, nowMs }: { readonly untilMs: number; readonly nowMs: number },
): Write[] {
  return [update(
    schedule,
    { lease_id: leaseId, lease_until_ms: untilMs },
    "next_at_ms IS ? AND (lease_id IS NULL OR lease_until_ms <= ?)",
    [schedule.nextAtMs, nowMs],
  )];
}

/** Says that the look goes on. */
export function rowsForRenewed(schedule: Schedule, leaseId: string, untilMs: number): Write[] {
  return [update(schedule, { lease_until_ms: untilMs }, "lease_id = ?", [leaseId])];
}

/** Gives back every lease: of a process that is no more. */
export function rowsForReleasedForOperator(): Write[] {
  return [statement(
    "UPDATE schedules SET lease_id = NULL, lease_until_ms = NULL WHERE lease_id IS NOT NULL",
    [],
  )];
}

/** How a look outside ended. */
export interface PollEnd {
  readonly status: "ok" | "error" | "permanent";
  /** Redacted. */
  readonly error: string | null;
  /** The time it was for. */
  readonly slotMs: number;
  readonly nextAtMs: number | undefined;
  /** Not before this time, whatever the timetable says. */
  readonly restUntilMs?: number | undefined;
  /** Sealed; undefined leaves it where it is. */
  readonly cursor?: Uint8Array | undefined;
  readonly itemsSeen: number;
  readonly itemsDispatched: number;
  readonly alertedAtMs?: number | undefined;
}

/** Marks a look as done; fails with `conflict` when the lease is not this look's any more. */
export function rowsForPolled(
  schedule: Schedule,
  leaseId: string,
  end: PollEnd,
  nowMs: number,
): Write[] {
  const next = nextColumns(schedule, end.nextAtMs);
  const rests = end.restUntilMs !== undefined && next.wake_at_ms !== null;
  const columns = {
    ...next,
    ...(rests ? { wake_at_ms: Math.max(next.wake_at_ms ?? 0, end.restUntilMs ?? 0) } : {}),
    ...(end.status === "permanent" ? { state: "errored", wake_at_ms: null } : {}),
    lease_id: null,
    lease_until_ms: null,
    last_slot_ms: end.slotMs,
    last_run_at_ms: nowMs,
    last_status: end.status,
    last_error: end.error,
    consecutive_errors: end.status === "ok" ? 0 : schedule.consecutiveErrors + 1,
    items_seen_total: schedule.itemsSeen + end.itemsSeen,
    items_dispatched_total: schedule.itemsDispatched + end.itemsDispatched,
    ...(end.cursor === undefined ? {} : { cursor: end.cursor }),
    ...(end.alertedAtMs === undefined ? {} : { alerted_at_ms: end.alertedAtMs }),
  };
  return [
    update(schedule, columns, "lease_id = ? AND state = ? AND forced = ?", [
      leaseId,
      schedule.state,
      schedule.forced ? 1 : 0,
    ]),
    ...slotRows(schedule, [end.slotMs], nowMs),
  ];
}

function timeColumns({ timetable, misfire, maxDelayMs, jitterMs }: ScheduleSpec) {
  return {
    timetable: timetableText(timetable),
    misfire,
    max_delay_ms: maxDelayMs,
    jitter_ms: jitterMs,
  };
}

/** How a timetable is kept: equal ones are equal texts. */
export function timetableText(timetable: Timetable): string {
  return JSON.stringify(timetable, Object.keys(timetable).toSorted());
}

function nextColumns(schedule: Schedule, nextAtMs: number | undefined) {
  const { state } = schedule;
  const next = state === "active" && nextAtMs === undefined ? "done" : state;
  return {
    state: next,
    next_at_ms: nextAtMs ?? null,
    wake_at_ms: wakeOf(schedule, next, nextAtMs),
    forced: 0,
  };
}

function wakeOf(
  { id, jitterMs }: Pick<ScheduleSpec, "id" | "jitterMs">,
  state: ScheduleState,
  nextAtMs: number | undefined,
): number | null {
  return state === "active" && nextAtMs !== undefined ? wakeAtMs(id, nextAtMs, jitterMs) : null;
}

function update(
  { account, id }: Pick<Schedule, "account" | "id">,
  columns: Readonly<Record<string, Value>>,
  condition = "TRUE",
  args: readonly Value[] = [],
): Write {
  const sets = Object.keys(columns).map((column) => `${column} = ?`).join(", ");
  return statement(
    `UPDATE schedules SET ${sets} WHERE account_id = ? AND id = ? AND ${condition}`,
    [...Object.values(columns), account, id, ...args],
    1,
  );
}

function slotRows(
  { account, id }: Pick<Schedule, "account" | "id">,
  slots: readonly number[],
  nowMs: number,
): Write[] {
  if (slots.length === 0) return [];
  return [
    ...slots.map((slotMs) =>
      insert("schedule_slots", {
        schedule_id: id,
        slot_ms: slotMs,
        account_id: account,
        at_ms: nowMs,
      })
    ),
    statement(
      `DELETE FROM schedule_slots WHERE schedule_id = ?1 AND slot_ms <
         (SELECT slot_ms FROM schedule_slots WHERE schedule_id = ?1
          ORDER BY slot_ms DESC LIMIT 1 OFFSET ${SLOTS_KEPT - 1})`,
      [id],
    ),
  ];
}

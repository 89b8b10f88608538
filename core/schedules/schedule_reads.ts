/**
 * Reads of the table `schedules`.
 *
 * @module
 */
import { type Misfire, Timetable } from "../contract/mod.ts";
import type { Sealer } from "../store/sealer.ts";
import type { Row, Store } from "../store/store.ts";
import { ReminderNote, type Schedule, type ScheduleKind, type ScheduleState } from "./schedule.ts";

/** Where a page of due schedules begins. */
export interface DuePosition {
  readonly wakeAtMs: number;
  readonly id: string;
}

/** Finds schedules. */
export interface ScheduleReads {
  find(account: string, id: string): Promise<Schedule | undefined>;
  count(account: string): Promise<number>;
  /** The reminders of a conversation, the next first. */
  ofSession(account: string, sessionId: string): Promise<Schedule[]>;
  /** A tenant's, or of those of all, up to {@linkcode MAX_LISTED}. */
  list(account: string): Promise<Schedule[]>;
  listForOperator(): Promise<Schedule[]>;
  /** Heartbeats and jobs of all tenants. */
  declaredForOperator(): Promise<Schedule[]>;
  /** Everything that runs by itself, of all tenants. */
  activeForOperator(): Promise<Schedule[]>;
  /** Tenants with something due. */
  dueAccountsForOperator(nowMs: number): Promise<string[]>;
  /** When to look again; undefined when nothing waits. */
  nextWakeForOperator(afterMs: number): Promise<number | undefined>;
  /** A page of what is due and held by nobody, in the order of time. */
  due(account: string, nowMs: number, after: DuePosition, limit: number): Promise<Schedule[]>;
  noteOf(account: string, id: string): Promise<ReminderNote | undefined>;
  /** How far a job has come, in its own words. */
  cursorOf(account: string, id: string): Promise<string | null>;
  /** Whether the message that a schedule made last still waits for its turn to end. */
  isAtWork(account: string, inboundId: string): Promise<boolean>;
}

/** How a reminder's note is sealed. */
export function sealNote(
  sealer: Sealer,
  { account, id }: { readonly account: string; readonly id: string },
  note: ReminderNote,
): Uint8Array {
  return sealer.seal({ table: "schedules", account, id }, JSON.stringify(note));
}

/** How a job's cursor is sealed. */
export function sealCursor(
  sealer: Sealer,
  { account, id }: { readonly account: string; readonly id: string },
  cursor: string,
): Uint8Array {
  return sealer.seal({ table: "schedules", account, id: `${id}/cursor` }, cursor);
}

const COLUMNS = `id, account_id, kind, name, agent_id, session_id, timetable, misfire, max_delay_ms,
  jitter_ms, state, next_at_ms, wake_at_ms, forced, last_slot_ms, last_inbound_id, last_run_at_ms,
  last_status, last_error, consecutive_errors, items_seen_total, items_dispatched_total,
  alerted_at_ms, created_at_ms`;

interface ScheduleRow extends Row {
  id: string;
  account_id: string;
  kind: ScheduleKind;
  name: string;
  agent_id: string;
  session_id: string | null;
  timetable: string;
  misfire: Misfire;
  max_delay_ms: number;
  jitter_ms: number;
  state: ScheduleState;
  next_at_ms: number | null;
  wake_at_ms: number | null;
  forced: number;
  last_slot_ms: number | null;
  last_inbound_id: string | null;
  last_run_at_ms: number | null;
  last_status: string | null;
  last_error: string | null;
  consecutive_errors: number;
  items_seen_total: number;
  items_dispatched_total: number;
  alerted_at_ms: number | null;
  created_at_ms: number;
}

/** Returns the reads over `store`. */
export function createScheduleReads(
  { store, sealer }: { store: Store; sealer: Sealer },
): ScheduleReads {
  const select = async (where: string, args: readonly (string | number)[]): Promise<Schedule[]> => {
    const rows = await store.readMany<ScheduleRow>(
      `SELECT ${COLUMNS} FROM schedules WHERE ${where}`,
      args,
    );
    return rows.map(readRow);
  };
  const sealedOf = async (column: "sealed" | "cursor", account: string, id: string) => {
    const [row] = await store.read<{ bytes: Uint8Array | null }>(
      `SELECT ${column} AS bytes FROM schedules WHERE account_id = ? AND id = ?`,
      [account, id],
    );
    return row?.bytes ?? null;
  };

  return {
    async find(account, id) {
      const [row] = await store.read<ScheduleRow>(
        `SELECT ${COLUMNS} FROM schedules WHERE account_id = ? AND id = ?`,
        [account, id],
      );
      return row === undefined ? undefined : readRow(row);
    },
    async count(account) {
      const [row] = await store.read<{ n: number }>(
        "SELECT count(*) AS n FROM schedules WHERE account_id = ?",
        [account],
      );
      return row?.n ?? 0;
    },
    ofSession: (account, sessionId) =>
      select("account_id = ? AND session_id = ? ORDER BY next_at_ms, id", [account, sessionId]),
    list: (account) => select("account_id = ? ORDER BY kind, name, id", [account]),
    listForOperator: () => select("TRUE ORDER BY account_id, kind, name, id", []),
    declaredForOperator: () => select("kind <> 'reminder'", []),
    activeForOperator: () => select("state = 'active' AND next_at_ms IS NOT NULL", []),
    async dueAccountsForOperator(nowMs) {
      const rows = await store.readMany<{ account_id: string }>(
        "SELECT DISTINCT account_id FROM schedules WHERE wake_at_ms IS NOT NULL AND wake_at_ms <= ?",
        [nowMs],
      );
      return rows.map(({ account_id }) => account_id);
    },
    async nextWakeForOperator(afterMs) {
      const [row] = await store.read<{ at: number | null }>(
        "SELECT min(wake_at_ms) AS at FROM schedules WHERE wake_at_ms IS NOT NULL AND wake_at_ms > ?",
        [afterMs],
      );
      return row?.at ?? undefined;
    },
    due: (account, nowMs, after, limit) =>
      select(
        `account_id = ? AND wake_at_ms <= ? AND (wake_at_ms, id) > (?, ?)
           AND (lease_id IS NULL OR lease_until_ms <= ?)
         ORDER BY wake_at_ms, id LIMIT ?`,
        [account, nowMs, after.wakeAtMs, after.id, nowMs, limit],
      ),
    async noteOf(account, id) {
      const sealed = await sealedOf("sealed", account, id);
      if (sealed === null) return undefined;
      const where = { table: "schedules", account, id };
      return ReminderNote.parse(JSON.parse(sealer.openText(where, sealed)));
    },
    async cursorOf(account, id) {
      const sealed = await sealedOf("cursor", account, id);
      const where = { table: "schedules", account, id: `${id}/cursor` };
      return sealed === null ? null : sealer.openText(where, sealed);
    },
    async isAtWork(account, inboundId) {
      const rows = await store.read(
        "SELECT 1 AS x FROM inbounds WHERE account_id = ? AND id = ? AND state IN ('queued', 'running')",
        [account, inboundId],
      );
      return rows.length > 0;
    },
  };
}

function readRow(row: ScheduleRow): Schedule {
  return {
    id: row.id,
    account: row.account_id,
    kind: row.kind,
    name: row.name,
    agentId: row.agent_id,
    sessionId: row.session_id,
    timetable: Timetable.parse(JSON.parse(row.timetable)),
    misfire: row.misfire,
    maxDelayMs: row.max_delay_ms,
    jitterMs: row.jitter_ms,
    state: row.state,
    nextAtMs: row.next_at_ms,
    wakeAtMs: row.wake_at_ms,
    forced: row.forced === 1,
    lastSlotMs: row.last_slot_ms,
    lastInboundId: row.last_inbound_id,
    lastRunAtMs: row.last_run_at_ms,
    lastStatus: row.last_status,
    lastError: row.last_error,
    consecutiveErrors: row.consecutive_errors,
    itemsSeen: row.items_seen_total,
    itemsDispatched: row.items_dispatched_total,
    alertedAtMs: row.alerted_at_ms,
    createdAtMs: row.created_at_ms,
  };
}

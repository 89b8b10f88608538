/**
 * How long the queues keep what is over: deliveries, messages, replies, dead letters that were replayed;
 * and deliveries that an operator purges before that.
 *
 * @module
 */
import { delay } from "../flow/delay.ts";
import { statement, type Store } from "../store/store.ts";

/** What {@linkcode trimQueues} needs. */
export interface QueueTrimDeps {
  readonly store: Pick<Store, "commit" | "readMany">;
  /** 0 means for ever. */
  readonly days: number;
  readonly nowMs: number;
  readonly signal?: AbortSignal | undefined;
}

const DAY_MS = 86_400_000;
const PAGE_ROWS = 5_000;
const BATCH_ROWS = 250;
const BETWEEN_BATCHES_MS = 5;

interface Over {
  readonly table:
    | "inbox"
    | "inbounds"
    | "outbox"
    | "dead_letters"
    | "chat_messages"
    | "media"
    | "media_pieces";
  readonly where: string;
  readonly args: readonly (string | number)[];
}

/** What was over before `beforeMs`. Ids of deliveries and messages begin with their time. */
function overBefore(beforeMs: number, nowMs: number): Over[] {
  const firstId = firstIdAt(beforeMs);
  return [{
    table: "inbox",
    where: `id < ? AND received_at_ms < ? AND dedupe_until_ms <= ?
      AND state IN ('done', 'unmatched')`,
    args: [firstId, beforeMs, nowMs],
  }, {
    table: "inbounds",
    where: "id < ? AND created_at_ms < ? AND state = 'done'",
    args: [firstId, beforeMs],
  }, {
    table: "outbox",
    where: "state = 'sent' AND sent_at_ms < ?",
    args: [beforeMs],
  }, {
    table: "dead_letters",
    where: "replayed_at_ms < ?",
    args: [beforeMs],
  }, {
    table: "chat_messages",
    where: "at_ms < ?",
    args: [beforeMs],
  }, {
    table: "media",
    where: "created_at_ms < ?",
    args: [beforeMs],
  }, {
    table: "media_pieces",
    where: "created_at_ms < ?",
    args: [beforeMs],
  }];
}

/** Which deliveries {@linkcode purgeDeliveries} forgets: of one tenant or of all, received before a time. */
export interface PurgeFilter {
  readonly account: string | undefined;
  readonly beforeMs: number;
}

/** What {@linkcode purgeDeliveries} did. */
export interface PurgedDeliveries {
  readonly purged: number;
  /** Finished and old enough, but a repetition must still be recognised by their row. */
  readonly kept_in_window: number;
  /** Finished and old enough, but a dead letter or a message that runs again still needs them. */
  readonly kept_for_replay: number;
}

/** What a delivery is needed for, its dedupe window aside: its own dead letter, or a message's. */
const IS_NEEDED = `(
  id IN (SELECT ref_id FROM dead_letters WHERE kind = 'inbox' AND replayed_at_ms IS NULL)
  OR id IN (
    SELECT b.inbox_id FROM dead_letters d JOIN inbounds b ON b.id = d.ref_id
    WHERE d.kind = 'inbound' AND d.replayed_at_ms IS NULL AND b.inbox_id IS NOT NULL
  )
  OR EXISTS (SELECT 1 FROM inbounds WHERE inbox_id = inbox.id AND state IN ('queued', 'running'))
)`;

/**
 * Forgets deliveries that are done or dead. The row of a delivery is what recognises its repetitions, so
 * it stays until its dedupe window has passed; and until nothing of it can run again.
 */
export async function purgeDeliveries(
  deps: Pick<QueueTrimDeps, "store" | "nowMs" | "signal">,
  { account, beforeMs }: PurgeFilter,
): Promise<PurgedDeliveries> {
  const { store, nowMs } = deps;
  const isOver = `id < ? AND received_at_ms < ? AND state IN ('done', 'dead')
    AND ${account === undefined ? "1" : "account_id = ?"}`;
  const args = [firstIdAt(beforeMs), beforeMs, ...(account === undefined ? [] : [account])];
  const purged = await trimTable(deps, {
    table: "inbox",
    where: `${isOver} AND dedupe_until_ms <= ? AND NOT ${IS_NEEDED}`,
    args: [...args, nowMs],
  });
  const [kept] = await store.readMany<{ in_window: number; passed: number }>(
    `SELECT count(*) FILTER (WHERE dedupe_until_ms > ?) AS in_window,
       count(*) FILTER (WHERE dedupe_until_ms <= ?) AS passed
     FROM inbox WHERE ${isOver}`,
    [nowMs, nowMs, ...args],
  );
  return {
    purged,
    kept_in_window: kept?.in_window ?? 0,
    kept_for_replay: kept?.passed ?? 0,
  };
}

/** Deletes what is over for longer than `days`; what could not be finished stays. Returns how many rows went. */
export async function trimQueues(deps: QueueTrimDeps): Promise<number> {
  const { days, nowMs } = deps;
  if (days === 0) return 0;
  let trimmed = 0;
  for (const over of overBefore(nowMs - days * DAY_MS, nowMs)) {
    trimmed += await trimTable(deps, over);
  }
  return trimmed;
}

async function trimTable(
  { store, signal }: Pick<QueueTrimDeps, "store" | "signal">,
  { table, where, args }: Over,
): Promise<number> {
  let trimmed = 0;
  for (;;) {
    signal?.throwIfAborted();
    const rows = await store.readMany<{ id: string }>(
      `SELECT id FROM ${table} WHERE ${where} LIMIT ${PAGE_ROWS}`,
      args,
    );
    for (let from = 0; from < rows.length; from += BATCH_ROWS) {
      const ids = rows.slice(from, from + BATCH_ROWS).map(({ id }) => id);
      await store.commit([
        statement(`DELETE FROM ${table} WHERE id IN (SELECT value FROM json_each(?))`, [
          JSON.stringify(ids),
        ]),
      ]);
      await delay(BETWEEN_BATCHES_MS, { signal });
    }
    trimmed += rows.length;
    if (rows.length < PAGE_ROWS) return trimmed;
  }
}

/** The lowest UUIDv7 of a millisecond. */
function firstIdAt(ms: number): string {
  const hex = Math.max(0, ms).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}

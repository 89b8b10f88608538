/**
 * How long the queues keep what is over: deliveries, messages, replies, dead letters that were replayed.
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
  { store, signal }: QueueTrimDeps,
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

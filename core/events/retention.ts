/**
 * How much of the event log is kept: what is too old or too much is trimmed, a little at a time.
 *
 * @module
 */
import { type Clock, codeOf, messageOf } from "../contract/mod.ts";
import { delay } from "../flow/delay.ts";
import type { Log } from "../flow/log.ts";
import { openSweep } from "../flow/sweep.ts";
import { statement, type Store } from "../store/store.ts";
import { eventStream } from "./event_rows.ts";

/** How much is kept of each account; 0 means no limit. */
export interface EventKeep {
  readonly days: number;
  readonly rows: number;
}

/** What {@linkcode trimEvents} needs. */
export interface TrimDeps {
  readonly store: Pick<Store, "commit" | "read" | "readMany">;
  readonly keep: EventKeep;
  readonly nowMs: number;
  /** Ends the work between two batches. */
  readonly signal?: AbortSignal | undefined;
  /** Hears how many rows each commit deleted. */
  readonly onTrimmed?: ((rows: number) => void) | undefined;
}

const DAY_MS = 86_400_000;
/** Rows looked at and deleted in one commit: few enough that nobody's own commit waits for long. */
const BATCH_ROWS = 250;
/** The oldest rows whose times decide whether an account is looked at. */
const SAMPLE_ROWS = 32;
const BETWEEN_BATCHES_MS = 5;

interface DueAccount extends Record<string, string | number | null> {
  account: string;
  head: number;
}

/**
 * Deletes what `keep` does not cover, oldest first, in commits of few rows; returns how many went.
 *
 * Offsets stay as they are: the heads of the streams are kept apart from the rows, so the next event
 * goes on counting, and whoever resumes from before the trim is told the gap. Stopped at any moment,
 * by whatever, the work goes on at the next call.
 */
export async function trimEvents(deps: TrimDeps): Promise<number> {
  const { store, keep, nowMs, signal } = deps;
  const beforeMs = keep.days === 0 ? Number.MIN_SAFE_INTEGER : nowMs - keep.days * DAY_MS;
  let trimmed = 0;
  for (const { account, head } of await findDue(store, { rows: keep.rows, beforeMs })) {
    const upTo = keep.rows === 0 ? 0 : head - keep.rows;
    for (;;) {
      signal?.throwIfAborted();
      const { deleted, more } = await trimBatch(deps, account, { upTo, beforeMs });
      trimmed += deleted;
      if (!more) break;
      // Others' commits and reads come in between.
      await delay(BETWEEN_BATCHES_MS, { signal });
    }
  }
  return trimmed;
}

/** Accounts with more rows than allowed, or an old one among their first; a few index look-ups each. */
function findDue(
  store: TrimDeps["store"],
  { rows, beforeMs }: { rows: number; beforeMs: number },
): Promise<DueAccount[]> {
  const prefix = eventStream("");
  return store.readMany<DueAccount>(
    `SELECT account, head FROM (
       SELECT substr(name, ?) AS account, head FROM streams WHERE name >= ? AND name < ?
     ) WHERE (? > 0 AND (SELECT min(offset) FROM agent_events WHERE account_id = account) <= head - ?)
       OR EXISTS (SELECT 1 FROM agent_events WHERE account_id = account AND at_ms < ? AND offset <
         (SELECT min(offset) FROM agent_events WHERE account_id = account) + ?)
     ORDER BY account`,
    [prefix.length + 1, prefix, prefixEnd(prefix), rows, rows, beforeMs, SAMPLE_ROWS],
  );
}

/** The first text that comes after everything starting with `prefix`. */
function prefixEnd(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

/**
 * Looks at an account's oldest rows and deletes those that are due. A row that is not, between others
 * that are, stays: times are the events' own and need not rise.
 */
async function trimBatch(
  { store, onTrimmed }: TrimDeps,
  account: string,
  { upTo, beforeMs }: { upTo: number; beforeMs: number },
): Promise<{ deleted: number; more: boolean }> {
  const oldest = await store.readMany<{ offset: number; at_ms: number }>(
    "SELECT offset, at_ms FROM agent_events WHERE account_id = ? ORDER BY offset LIMIT ?",
    [account, BATCH_ROWS],
  );
  const due = oldest.filter(({ offset, at_ms }) => offset <= upTo || at_ms < beforeMs);
  const last = due.at(-1);
  if (last === undefined) return { deleted: 0, more: false };
  await store.commit([
    statement(
      "DELETE FROM agent_events WHERE account_id = ? AND offset <= ? AND (offset <= ? OR at_ms < ?)",
      [account, last.offset, upTo, beforeMs],
    ),
  ]);
  onTrimmed?.(due.length);
  return { deleted: due.length, more: due.length === oldest.length };
}

/** What {@linkcode openRetention} needs. */
export interface RetentionDeps extends Pick<TrimDeps, "store" | "onTrimmed"> {
  /** Asked at each sweep, so that a change of config counts at once. */
  readonly keep: () => EventKeep;
  readonly now: Clock;
  readonly log: Log;
  /** From the end of one sweep to the next, in milliseconds. @default {300000} */
  readonly everyMs?: number | undefined;
}

const EVERY_MS = 300_000;

/** Trims at once and again and again, until disposed; a sweep that fails is logged and tried later. */
export function openRetention(deps: RetentionDeps): AsyncDisposable {
  const { now, log, everyMs = EVERY_MS } = deps;
  return openSweep({
    everyMs,
    async sweep(signal) {
      const trimmed = await trimEvents({ ...deps, keep: deps.keep(), nowMs: now(), signal });
      if (trimmed > 0) log.info("events.trimmed", { rows: trimmed });
    },
    onFailure: (error) =>
      log.warn("events.trim_failed", { code: codeOf(error), error: messageOf(error) }),
  });
}

/**
 * How long what was said is kept: whole turns go, each with its words and its tool calls at once.
 *
 * @module
 */
import { delay } from "../flow/delay.ts";
import { statement, type Store } from "../store/store.ts";
import { compactIndex } from "./index_upkeep.ts";
import { rowsForErasedTurnsById } from "./turns.ts";

/** What {@linkcode trimTranscripts} needs. */
export interface TranscriptTrimDeps {
  readonly store: Pick<Store, "checkpoint" | "commit" | "readMany">;
  /** How long a tenant's words are kept, in days; 0 means for ever. */
  readonly daysOf: (account: string) => number;
  readonly nowMs: number;
  readonly signal?: AbortSignal | undefined;
}

const DAY_MS = 86_400_000;
/** Turns in one commit, and entries that belong to none. */
const BATCH_TURNS = 50;
const BATCH_ENTRIES = 250;
const BETWEEN_BATCHES_MS = 5;

/**
 * Deletes what is too old and makes tombstones of its turns, which goes on counting and verifying;
 * returns how many turns and loose entries went.
 */
export async function trimTranscripts(deps: TranscriptTrimDeps): Promise<number> {
  const { store, daysOf, nowMs, signal } = deps;
  const accounts = await store.readMany<{ account: string }>(
    "SELECT DISTINCT account_id AS account FROM turns UNION SELECT DISTINCT account_id FROM transcripts",
  );
  let trimmed = 0;
  for (const { account } of accounts) {
    const days = daysOf(account);
    if (days === 0) continue;
    const beforeMs = nowMs - days * DAY_MS;
    trimmed += await trimTurns(deps, account, beforeMs);
    trimmed += await trimLooseEntries(deps, account, beforeMs);
  }
  if (trimmed === 0) return 0;
  await compactIndex(store, { signal });
  await store.checkpoint();
  return trimmed;
}

async function trimTurns(
  { store, signal }: TranscriptTrimDeps,
  account: string,
  beforeMs: number,
): Promise<number> {
  let trimmed = 0;
  for (let after = 0;;) {
    signal?.throwIfAborted();
    const turns = await store.readMany<{ id: string; offset: number; session_id: string }>(
      `SELECT id, offset, session_id FROM turns
       WHERE account_id = ? AND offset > ? AND finished_at_ms < ? AND content_salt IS NOT NULL
       ORDER BY offset LIMIT ?`,
      [account, after, beforeMs, BATCH_TURNS],
    );
    const last = turns.at(-1);
    if (last === undefined) return trimmed;
    const ids = JSON.stringify(turns.map(({ id }) => id));
    const sessions = JSON.stringify([...new Set(turns.map(({ session_id }) => session_id))]);
    await store.commit([
      statement(
        "DELETE FROM tool_calls WHERE account_id = ? AND turn_id IN (SELECT value FROM json_each(?))",
        [account, ids],
      ),
      statement(
        `DELETE FROM transcripts
         WHERE account_id = ? AND session_id IN (SELECT value FROM json_each(?))
           AND turn_id IN (SELECT value FROM json_each(?))`,
        [account, sessions, ids],
      ),
      ...rowsForErasedTurnsById({ account, ids: turns.map(({ id }) => id) }),
    ]);
    trimmed += turns.length;
    after = last.offset;
    await delay(BETWEEN_BATCHES_MS, { signal });
  }
}

/** What was said outside of turns, by a person who had taken over for example. */
async function trimLooseEntries(
  { store, signal }: TranscriptTrimDeps,
  account: string,
  beforeMs: number,
): Promise<number> {
  let trimmed = 0;
  for (;;) {
    signal?.throwIfAborted();
    const entries = await store.readMany<{ id: number }>(
      `SELECT id FROM transcripts
       WHERE account_id = ? AND turn_id IS NULL AND sent_at_ms < ? LIMIT ?`,
      [account, beforeMs, BATCH_ENTRIES],
    );
    if (entries.length === 0) return trimmed;
    await store.commit([
      statement("DELETE FROM transcripts WHERE id IN (SELECT value FROM json_each(?))", [
        JSON.stringify(entries.map(({ id }) => id)),
      ]),
    ]);
    trimmed += entries.length;
    await delay(BETWEEN_BATCHES_MS, { signal });
  }
}

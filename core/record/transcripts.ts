/**
 * What was said in a session: redacted for people, sealed for the model.
 *
 * @module
 */
import type { TranscriptRole } from "../contract/mod.ts";
import { clampLimit, FEW_ROWS, readPage } from "../events/page.ts";
import type { Soon } from "../flow/soon.ts";
import type { Row, Store, Value, Write } from "../store/store.ts";
import { openMessage } from "./model_message.ts";
import { createRecentEntries, type HistoryEntry } from "./recent.ts";
import {
  createPrepare,
  eachSession,
  type PreparedEntry,
  type PrepareDeps,
  rowsForEntry,
  type RowsForTranscript,
  sessionOf,
  type TranscriptEntry,
  type TranscriptSession,
} from "./transcript_rows.ts";

/** A kept entry. `body` is redacted. */
export interface TranscriptRow {
  readonly agentId: string;
  /** 0-based position in the session; the same in the live event. */
  readonly seq: number;
  readonly role: TranscriptRole;
  readonly body: string;
  readonly sourcePlugin: string;
  readonly senderId: string | null;
  readonly messageId: string;
  readonly turnId: string | null;
  readonly sentAtMs: number;
}

/** What {@linkcode createTranscripts} needs. */
export interface TranscriptDeps extends PrepareDeps {
  readonly store: Pick<Store, "onAppended" | "read" | "readEach" | "readMany">;
}

/** Writes and reads transcripts. */
export interface Transcripts {
  /** The entries as they will be kept. */
  prepare(account: string, entries: readonly TranscriptEntry[]): PreparedEntry[];
  /**
   * Rows for `entries` in order, each with its `transcript_appended` event, for one unit of work.
   * Entry and event share one seq, which the writer gives out.
   */
  rowsForPrepared(session: TranscriptSession, entries: readonly PreparedEntry[]): Write[];
  /** The same for entries as they were said. */
  readonly rowsForTranscript: RowsForTranscript;
  /** Entries after `afterSeq` in ascending order; empty for whatever this account does not have. */
  readTranscript(query: {
    account: string;
    sessionId: string;
    agentId?: string | undefined;
    /** Exclusive; absent for all. */
    afterSeq?: number | undefined;
    /** 1 to 1000. @default {50} */
    limit?: number | undefined;
  }): Promise<TranscriptRow[]>;
  /** The session's tenant, when anything was said in it. */
  accountOfSession(sessionId: string): Promise<string | undefined>;
  /**
   * The newest `limit` entries, or those before a seq; oldest first.
   *
   * @throws {CodedError} `sealed_unreadable`
   */
  readHistory(query: {
    account: string;
    agentId: string;
    sessionId: string;
    limit?: number | undefined;
    /** Exclusive; absent for the newest. */
    before?: number | undefined;
  }): Soon<readonly HistoryEntry[]>;
  /** To be called after entries were deleted: what is remembered of them must not be read any more. */
  readonly forget: () => void;
}

/**
 * What a turn's row vouches for of its entries, in order; see `rowsForTurn`. It is what is kept of
 * them, so that anybody who has the rows can check it.
 */
export function contentOf(
  entries: readonly Pick<TranscriptRow, "role" | "body" | "senderId">[],
): string {
  return JSON.stringify(entries.map(({ role, body, senderId }) => [role, body, senderId]));
}

/** Returns {@linkcode Transcripts} over `store`. */
export function createTranscripts(deps: TranscriptDeps): Transcripts {
  const { store, sealer } = deps;
  const prepare = createPrepare(deps);
  const recent = createRecentEntries();
  store.onAppended((rows) => {
    eachSession(rows, (session, entries) => recent.appended(session, entries));
  });

  /** The newest entries before a seq, newest first; many conversations' few entries at a time. */
  function readNewest(place: readonly Value[], limit: number): Promise<HistoryRow[]> {
    const columns = "seq, role, body, sealed, message_id";
    if (limit > FEW_ROWS) {
      return store.readMany<HistoryRow>(
        `SELECT ${columns} FROM transcripts
         WHERE account_id = ? AND session_id = ? AND agent_id = ? AND seq < ?
         ORDER BY seq DESC LIMIT ?`,
        [...place, limit],
      );
    }
    return store.readEach<HistoryRow>(
      `WITH given (call, account_id, session_id, agent_id, before) AS (VALUES $rows)
       SELECT given.call, ${columns} FROM given JOIN transcripts t ON t.id IN (
         SELECT id FROM transcripts s
         WHERE s.account_id = given.account_id AND s.session_id = given.session_id
           AND s.agent_id = given.agent_id AND s.seq < given.before
         ORDER BY s.seq DESC LIMIT ${limit}
       ) ORDER BY given.call, seq DESC`,
      [place],
    );
  }

  return {
    prepare: (account, entries) => entries.map((entry) => prepare(account, entry)),
    rowsForPrepared: (session, entries) => entries.flatMap((entry) => rowsForEntry(session, entry)),
    rowsForTranscript({ entries, ...session }) {
      return entries.flatMap((entry) => rowsForEntry(session, prepare(session.account, entry)));
    },

    async readTranscript({ account, sessionId, agentId, afterSeq = -1, limit }) {
      const rows = clampLimit(limit);
      const found = await readPage<EntryRow>(
        store,
        rows,
        `SELECT agent_id, seq, role, body, source_plugin, sender_id, message_id, turn_id, sent_at_ms
         FROM transcripts
         WHERE account_id = ? AND session_id = ? AND seq > ?${
          agentId === undefined ? "" : " AND agent_id = ?"
        }
         ORDER BY seq LIMIT ?`,
        [account, sessionId, afterSeq, ...(agentId === undefined ? [] : [agentId]), rows],
      );
      return found.map(readEntry);
    },

    async accountOfSession(sessionId) {
      const [row] = await store.readMany<Row & { account_id: string }>(
        "SELECT account_id FROM turns WHERE session_id = ? LIMIT 1",
        [sessionId],
      );
      return row?.account_id;
    },

    readHistory({ account, agentId, sessionId, limit, before = Number.MAX_SAFE_INTEGER }) {
      const entries = clampLimit(limit);
      const session = sessionOf({ account_id: account, session_id: sessionId, agent_id: agentId });
      return recent.newest(session, { limit: entries, before }, async () => {
        const found = await readNewest([account, sessionId, agentId, before], entries);
        return found.reverse().map(({ seq, role, body, sealed, message_id: messageId }) => ({
          seq,
          role,
          body,
          messageId,
          modelMessage: openMessage(sealer, { account, role, body, messageId }, sealed),
        }));
      });
    },

    forget: recent.forget,
  };
}

interface EntryRow extends Row {
  agent_id: string;
  seq: number;
  role: TranscriptRole;
  body: string;
  source_plugin: string;
  sender_id: string | null;
  message_id: string;
  turn_id: string | null;
  sent_at_ms: number;
}

interface HistoryRow extends Row {
  seq: number;
  role: TranscriptRole;
  body: string;
  sealed: Uint8Array | null;
  message_id: string;
}

function readEntry(row: EntryRow): TranscriptRow {
  return {
    agentId: row.agent_id,
    seq: row.seq,
    role: row.role,
    body: row.body,
    sourcePlugin: row.source_plugin,
    senderId: row.sender_id,
    messageId: row.message_id,
    turnId: row.turn_id,
    sentAtMs: row.sent_at_ms,
  };
}

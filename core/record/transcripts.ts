/**
 * What was said in a session: redacted for people, sealed for the model.
 *
 * @module
 */
import type { TranscriptRole } from "../contract/mod.ts";
import { appendEvent } from "../events/event_rows.ts";
import { clampLimit, FEW_ROWS, readPage } from "../events/page.ts";
import type { Soon } from "../flow/soon.ts";
import { redactJson } from "../redact/redact_json.ts";
import { type Redactor, redactorOf } from "../redact/redactor.ts";
import type { Sealer } from "../store/sealer.ts";
import { append, type Row, type Store, type Value, type Write } from "../store/store.ts";
import { openMessage, sealMessage } from "./model_message.ts";
import { createRecentEntries, type HistoryEntry } from "./recent.ts";
import { withSeams } from "./index_text.ts";
import { storable } from "./storable.ts";

/** One thing said. */
export interface TranscriptEntry {
  readonly role: TranscriptRole;
  /** As it was said; redacted before it is kept. */
  readonly text: string;
  /** The model's own message, which is JSON; kept sealed, unless the body says it all. */
  readonly modelMessage?: unknown;
  /** The channel it came through; empty counts as `internal`. */
  readonly sourcePlugin: string;
  readonly senderId?: string | null | undefined;
  /** Unique in its account; the sealed message is bound to it. */
  readonly messageId: string;
  readonly turnId?: string | null | undefined;
  readonly sentAtMs: number;
}

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
export interface TranscriptDeps {
  readonly store: Pick<Store, "onAppended" | "read" | "readEach" | "readMany">;
  readonly redact: Redactor;
  readonly sealer: Sealer;
  /** Whether the sealed model messages are redacted, too. */
  readonly modelHistory: () => "sealed" | "redacted";
  /** Whether new entries go into the full-text index. */
  readonly isIndexed: () => boolean;
}

/** Where entries belong. */
export interface TranscriptSession {
  readonly account: string;
  readonly agentId: string;
  readonly sessionId: string;
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
  rowsForTranscript(
    session: TranscriptSession & {
      readonly entries: readonly TranscriptEntry[];
    },
  ): Write[];
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

/** The stream whose offsets, less one, are the seqs of a session. */
export function sessionStream(account: string, sessionId: string): string {
  return `session:${account}/${sessionId}`;
}

/** Returns {@linkcode Transcripts} over `store`. */
export function createTranscripts(deps: TranscriptDeps): Transcripts {
  const { store, redact, sealer, modelHistory, isIndexed } = deps;

  const recent = createRecentEntries();
  store.onAppended((rows) => {
    let session: string | undefined;
    let entries: HistoryEntry[] = [];
    for (const { table, row } of rows) {
      if (table !== "transcripts") continue;
      const fresh = row as NewRow;
      const own = sessionOf(fresh);
      if (own !== session) {
        if (session !== undefined) recent.appended(session, entries);
        session = own;
        entries = [];
      }
      entries.push(entryOf(fresh));
    }
    if (session !== undefined) recent.appended(session, entries);
  });

  function modelMessageOf(account: string, { modelMessage }: TranscriptEntry): unknown {
    return modelMessage === undefined || modelHistory() === "sealed"
      ? modelMessage
      : redactJson(redactorOf(redact, account), modelMessage);
  }

  /** What goes into the index, when something does and it is not the body itself. */
  function termsOf(body: string): string | null {
    if (!isIndexed()) return null;
    const terms = withSeams(body);
    return terms === body ? "" : terms;
  }

  function prepare(account: string, entry: TranscriptEntry): PreparedEntry {
    const { role, messageId } = entry;
    const body = storable(redact(entry.text, account));
    const message = modelMessageOf(account, entry);
    return {
      role,
      body,
      terms: termsOf(body),
      modelMessage: message,
      sealed: sealMessage(sealer, { account, role, body, messageId }, message),
      sourcePlugin: entry.sourcePlugin === "" ? "internal" : entry.sourcePlugin,
      senderId: entry.senderId == null ? null : storable(entry.senderId),
      messageId,
      turnId: entry.turnId ?? null,
      sentAtMs: entry.sentAtMs,
    };
  }

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
    rowsForPrepared: (session, entries) => entries.flatMap((entry) => entryWrites(session, entry)),
    rowsForTranscript({ entries, ...session }) {
      return entries.flatMap((entry) => entryWrites(session, prepare(session.account, entry)));
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

    readHistory(
      { account, agentId, sessionId, limit, before = Number.MAX_SAFE_INTEGER },
    ) {
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

/** The model's message beside the columns of a row that was made here. */
const MODEL_MESSAGE = Symbol("model message");

/** A row as it was appended. */
interface NewRow extends Row {
  account_id: string;
  agent_id: string;
  session_id: string;
  seq: number;
  role: TranscriptRole;
  body: string;
  message_id: string;
  [MODEL_MESSAGE]: unknown;
}

/** The entry of a row that was made here. */
function entryOf(row: NewRow): HistoryEntry {
  const { seq, role, body, message_id: messageId } = row;
  return { seq, role, body, messageId, modelMessage: row[MODEL_MESSAGE] };
}

/** A session as it is remembered. */
function sessionOf(
  { account_id, session_id, agent_id }: Pick<NewRow, "account_id" | "agent_id" | "session_id">,
): string {
  return `${account_id}/${session_id}/${agent_id}`;
}

/** An entry redacted and sealed. */
export interface PreparedEntry extends Omit<TranscriptEntry, "text"> {
  readonly senderId: string | null;
  readonly turnId: string | null;
  readonly body: string;
  /** What the index takes of it; see the migration. */
  readonly terms: string | null;
  /** The model's message; see {@linkcode sealMessage}. */
  readonly sealed: Uint8Array | null;
}

/**
 * The entry's row and its event.
 *
 * The writer makes rows in the order of the unit, again from the start when the unit is tried
 * again, so the event finds the seq that its entry was just given.
 */
function entryWrites(
  { account, agentId, sessionId }: TranscriptSession,
  entry: PreparedEntry,
): Write[] {
  let seq = 0;
  return [
    append("transcripts", [sessionStream(account, sessionId)], ([position]) => {
      seq = (position?.offset ?? 1) - 1;
      const row = {
        account_id: account,
        agent_id: agentId,
        session_id: sessionId,
        seq,
        role: entry.role,
        body: entry.body,
        terms: entry.terms,
        sealed: entry.sealed,
        source_plugin: entry.sourcePlugin,
        sender_id: entry.senderId,
        message_id: entry.messageId,
        turn_id: entry.turnId,
        sent_at_ms: entry.sentAtMs,
        [MODEL_MESSAGE]: entry.modelMessage,
      };
      return { row };
    }),
    appendEvent(account, "transcript_appended", () => ({
      kind: "transcript_appended",
      agent_id: agentId,
      session_id: sessionId,
      seq,
      role: entry.role,
      body: entry.body,
      sent_at_ms: entry.sentAtMs,
      sender_id: entry.senderId ?? undefined,
      source_plugin: entry.sourcePlugin,
      turn_id: entry.turnId ?? undefined,
    })),
  ];
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

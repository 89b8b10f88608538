/**
 * What was said, on its way into the table `transcripts`: redacted, sealed, a row and its event.
 *
 * @module
 */
import type { TranscriptRole } from "../contract/mod.ts";
import { appendEvent } from "../events/event_rows.ts";
import { redactJson } from "../redact/redact_json.ts";
import { type Redactor, redactorOf } from "../redact/redactor.ts";
import type { Sealer } from "../store/sealer.ts";
import { append, type Appended, type Row, type Write } from "../store/store.ts";
import { withSeams } from "./index_text.ts";
import { sealMessage } from "./model_message.ts";
import type { HistoryEntry } from "./recent.ts";
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

/** Where entries belong. */
export interface TranscriptSession {
  readonly account: string;
  readonly agentId: string;
  readonly sessionId: string;
}

/** Makes the rows of what was said in a session, in order, each with its event, for one unit of work. */
export type RowsForTranscript = (
  session: TranscriptSession & { readonly entries: readonly TranscriptEntry[] },
) => Write[];

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

/** The stream whose offsets, less one, are the seqs of a session. */
export function sessionStream(account: string, sessionId: string): string {
  return `session:${account}/${sessionId}`;
}

/** What {@linkcode createPrepare} needs. */
export interface PrepareDeps {
  readonly redact: Redactor;
  readonly sealer: Sealer;
  /** Whether the sealed model messages are redacted, too. */
  readonly modelHistory: () => "sealed" | "redacted";
  /** Whether new entries go into the full-text index. */
  readonly isIndexed: () => boolean;
}

/** Returns the way from what was said to what is kept of it. */
export function createPrepare(
  { redact, sealer, modelHistory, isIndexed }: PrepareDeps,
): (account: string, entry: TranscriptEntry) => PreparedEntry {
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

  return function prepare(account, entry) {
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
  };
}

/**
 * The entry's row and its event.
 *
 * The writer makes rows in the order of the unit, again from the start when the unit is tried
 * again, so the event finds the seq that its entry was just given.
 */
export function rowsForEntry(
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

/** Calls `hear` with the entries of each session among rows that were appended, one behind the other. */
export function eachSession(
  rows: readonly Appended[],
  hear: (session: string, entries: readonly HistoryEntry[]) => void,
): void {
  let session: string | undefined;
  let entries: HistoryEntry[] = [];
  for (const { table, row } of rows) {
    if (table !== "transcripts") continue;
    const fresh = row as NewRow;
    const own = sessionOf(fresh);
    if (own !== session) {
      if (session !== undefined) hear(session, entries);
      session = own;
      entries = [];
    }
    entries.push(entryOf(fresh));
  }
  if (session !== undefined) hear(session, entries);
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
export function sessionOf(
  { account_id, session_id, agent_id }: Pick<NewRow, "account_id" | "agent_id" | "session_id">,
): string {
  return `${account_id}/${session_id}/${agent_id}`;
}

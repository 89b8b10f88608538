/**
 * The outbox: every message on its way out, once.
 *
 * @module
 */
import { OutboundBody, type ReplyAddress, uuidOf } from "../contract/mod.ts";
import { sha256 } from "../flow/sha256.ts";
import { currentTraceparent } from "../flow/trace.ts";
import type { Sealer } from "../store/sealer.ts";
import { bulk, insert, type Row, statement, type Store, type Write } from "../store/store.ts";
import { createFresh } from "./fresh.ts";
import type {
  OpenOutbound,
  Outbound,
  OutboundScope,
  QueuedOutbound,
  UnsentOutbound,
} from "./outbound.ts";
import { splitText } from "./split_text.ts";

/** Rows of the table `outbox`. */
export interface Outbox {
  /** A message as its channel takes it: one that is too long for it as several that follow each other. */
  piecesOf(outbound: Outbound): UnsentOutbound[];
  /** Queues a message, in its pieces. */
  queue(outbound: Outbound, nowMs: number): QueuedOutbound;
  /** A piece that was never queued: it is sent by the commit of this row. */
  rowsForSentAtOnce(piece: UnsentOutbound, receipt: string | null, nowMs: number): Write[];
  /** Says that a try begins now; whatever ends it says so too. */
  rowsForTrying(account: string, id: string, nowMs: number): Write[];
  /** Fails with `conflict` when it was sent already. */
  rowsForSent(account: string, id: string, receipt: string | null, nowMs: number): Write[];
  /** A try failed and counts. */
  rowsForRetry(account: string, id: string, nextAtMs: number): Write[];
  /** A try came to nothing and does not count. */
  rowsForWait(account: string, id: string, nextAtMs: number): Write[];
  rowsForDead(account: string, id: string): Write[];
  /** A provider says that it has a message of which nobody knew whether it was sent; nothing else changes. */
  rowsForConfirmed(account: string, id: string, receipt: string, nowMs: number): Write[];
  /** Takes back that a message was sent: its provider could not deliver it. Fails unless it was sent. */
  rowsForBounced(account: string, id: string): Write[];
  rowsForReplay(account: string, id: string, nowMs: number, expiresAtMs: number): Write[];
  /** An unsent message, as it is on disk. */
  find(account: string, id: string): Promise<UnsentOutbound | undefined>;
  /** The same by its item; of one that was queued here a moment ago the first time from memory. */
  load(item: OpenOutbound): Promise<UnsentOutbound | undefined>;
  /** To be called after messages were erased: none is in memory then. */
  readonly forget: () => void;
  /** Whether there is such a message, whatever has become of it. */
  has(account: string, id: string): Promise<boolean>;
  /** Whether a message was sent, on a channel's instance. */
  wasSent(account: string, id: string, channel: string, instance: string): Promise<boolean>;
  /** What agents wrote in a scope and nobody has sent yet, oldest first. */
  unsentOfAgent(
    scope: OutboundScope,
  ): Promise<{ id: string; agent_id: string; session_id: string }[]>;
  /** Where the newest message of a conversation went; null means the contact, or that there is none. */
  lastAddress(account: string, sessionId: string): Promise<ReplyAddress | null>;
  /** Everything unsent, of all tenants, oldest first: what a start has to pick up. */
  openForOperator(): Promise<OpenOutbound[]>;
}

interface OutboxRow extends Row {
  id: string;
  account_id: string;
  agent_id: string;
  session_id: string;
  channel: string;
  instance: string;
  contact: string;
  turn_id: string | null;
  sealed: Uint8Array;
  attempts: number;
  expires_at_ms: number;
  sent_at_ms: number | null;
  author: "agent" | "operator" | "core";
}

/** A message as pieces of its text; the first keeps its id, the others' follow from it. */
function splitUp(outbound: UnsentOutbound, limit: number): UnsentOutbound[] {
  const { body } = outbound;
  if (body.kind !== "text" && body.kind !== "reply") return [outbound];
  return splitText(body.text, limit).map((text, i) => ({
    ...outbound,
    id: i === 0 ? outbound.id : uuidOf(sha256, "piece", outbound.id, String(i)),
    // Only the first piece quotes what is answered.
    body: i === 0 ? { ...body, text } : { ...body, kind: "text", text },
  }));
}

/**
 * For rows that are given by their ids. With the plus no index is on it: SQLite takes the one of what is
 * unsent for short, and would go through all that waits for each of a dozen ids.
 */
const IS_QUEUED = "+state = 'queued'";

/** Returns the outbox over `store`; `textLimitOf` is the most UTF-16 code units a channel takes. */
export function createOutbox(
  { store, sealer, textLimitOf }: {
    store: Store;
    sealer: Sealer;
    textLimitOf: (channel: string) => number;
  },
): Outbox {
  const place = (account: string, id: string) => ({ table: "outbox", account, id });
  const open = (account: string, id: string, sealed: Uint8Array): OutboundBody =>
    OutboundBody.parse(JSON.parse(sealer.openText(place(account, id), sealed)));
  /**
   * What was queued a moment ago: it is sent at once, as a rule, and each is taken once. Only who has the
   * item of that very queueing gets it, and has it once it is on disk; another of the same id may be there.
   */
  const fresh = createFresh<{ item: OpenOutbound; unsent: UnsentOutbound }>();

  function piecesOf(outbound: Outbound): UnsentOutbound[] {
    const unsent = { author: "agent" as const, ...outbound, attempts: 0, unsureSinceMs: null };
    return splitUp(unsent, textLimitOf(outbound.channel));
  }

  function rowOf(
    { body: _body, unsureSinceMs, ...columns }: UnsentOutbound,
    json: string,
    { nowMs, traceparent }: { nowMs: number; traceparent: string | null },
  ) {
    return {
      sealed: sealer.seal(place(columns.account_id, columns.id), json),
      state: "queued",
      next_at_ms: nowMs,
      created_at_ms: nowMs,
      // Of a message that is not sent: when a try began whose end is not known.
      sent_at_ms: unsureSinceMs,
      receipt: null,
      traceparent,
      ...columns,
    };
  }

  async function find(account: string, id: string): Promise<UnsentOutbound | undefined> {
    const [row] = await store.readEach<OutboxRow>(
      `WITH given (call, id, account_id) AS (VALUES $rows)
       SELECT given.call, o.id, o.account_id, agent_id, session_id, channel, instance, contact,
         turn_id, sealed, attempts, expires_at_ms, sent_at_ms, author
       FROM given JOIN outbox o ON o.id = given.id AND o.account_id = given.account_id
       WHERE ${IS_QUEUED}`,
      [[id, account]],
    );
    if (row === undefined) return undefined;
    const { call: _call, sealed, sent_at_ms: unsureSinceMs, ...rest } = row;
    return { ...rest, unsureSinceMs, body: open(account, id, sealed) };
  }

  return {
    piecesOf,
    queue(outbound, nowMs) {
      const traceparent = currentTraceparent() ?? null;
      const queued = piecesOf(outbound).map((unsent) => {
        const { id, account_id, session_id } = unsent;
        const times = { next_at_ms: nowMs, created_at_ms: nowMs };
        const item: OpenOutbound = { id, account_id, session_id, ...times, traceparent };
        const json = JSON.stringify(unsent.body);
        fresh.put(account_id, id, { item, unsent }, json.length);
        return { item, write: insert("outbox", rowOf(unsent, json, { nowMs, traceparent })) };
      });
      return { writes: queued.map(({ write }) => write), items: queued.map(({ item }) => item) };
    },
    rowsForSentAtOnce(piece, receipt, nowMs) {
      const traceparent = currentTraceparent() ?? null;
      return [insert("outbox", {
        ...rowOf(piece, JSON.stringify(piece.body), { nowMs, traceparent }),
        state: "sent",
        attempts: piece.attempts + 1,
        sent_at_ms: nowMs,
        receipt,
      })];
    },
    rowsForTrying: (account, id, nowMs) => [bulk(
      `WITH given (id, account_id, at_ms) AS (VALUES $rows)
       UPDATE outbox SET sent_at_ms = given.at_ms FROM given
       WHERE outbox.id = given.id AND outbox.account_id = given.account_id AND ${IS_QUEUED}`,
      [[id, account, nowMs]],
      "one each",
    )],
    rowsForSent: (account, id, receipt, nowMs) => [bulk(
      `WITH given (id, account_id, receipt, at_ms) AS (VALUES $rows)
       UPDATE outbox SET state = 'sent', receipt = given.receipt, sent_at_ms = given.at_ms,
         attempts = attempts + 1
       FROM given
       WHERE outbox.id = given.id AND outbox.account_id = given.account_id AND ${IS_QUEUED}`,
      [[id, account, receipt, nowMs]],
      "one each",
    )],
    rowsForRetry(account, id, nextAtMs) {
      return [statement(
        `UPDATE outbox SET attempts = attempts + 1, next_at_ms = ?, sent_at_ms = NULL
         WHERE account_id = ? AND id = ? AND state = 'queued'`,
        [nextAtMs, account, id],
        1,
      )];
    },
    rowsForWait(account, id, nextAtMs) {
      return [statement(
        `UPDATE outbox SET next_at_ms = ?, sent_at_ms = NULL
         WHERE account_id = ? AND id = ? AND state = 'queued'`,
        [nextAtMs, account, id],
        1,
      )];
    },
    rowsForDead(account, id) {
      fresh.take(account, id);
      return [statement(
        "UPDATE outbox SET state = 'dead' WHERE account_id = ? AND id = ? AND state = 'queued'",
        [account, id],
        1,
      )];
    },
    rowsForConfirmed(account, id, receipt, nowMs) {
      return [statement(
        `UPDATE outbox SET state = 'sent', receipt = ?, sent_at_ms = ?, attempts = attempts + 1
         WHERE account_id = ? AND id = ? AND state = 'queued' AND sent_at_ms IS NOT NULL`,
        [receipt, nowMs, account, id],
      )];
    },
    rowsForBounced(account, id) {
      return [statement(
        "UPDATE outbox SET state = 'dead' WHERE account_id = ? AND id = ? AND state = 'sent'",
        [account, id],
        1,
      )];
    },
    rowsForReplay(account, id, nowMs, expiresAtMs) {
      return [statement(
        `UPDATE outbox SET state = 'queued', attempts = 0, next_at_ms = ?, expires_at_ms = ?,
           sent_at_ms = NULL, receipt = NULL
         WHERE account_id = ? AND id = ? AND state = 'dead'`,
        [nowMs, expiresAtMs, account, id],
        1,
      )];
    },
    forget: fresh.clear,
    find,
    async load(item) {
      const { account_id: account, id } = item;
      const queued = fresh.take(account, id);
      return queued?.item === item ? queued.unsent : find(account, id);
    },
    async has(account, id) {
      const rows = await store.read(
        "SELECT 1 AS one FROM outbox WHERE account_id = ? AND id = ?",
        [account, id],
      );
      return rows.length > 0;
    },
    async wasSent(account, id, channel, instance) {
      const rows = await store.read(
        `SELECT 1 AS one FROM outbox
         WHERE account_id = ? AND id = ? AND channel = ? AND instance = ? AND state = 'sent'`,
        [account, id, channel, instance],
      );
      return rows.length > 0;
    },
    unsentOfAgent({ account, agentId, channel, instance, contact }) {
      return store.readMany<{ id: string; agent_id: string; session_id: string }>(
        `SELECT id, agent_id, session_id FROM outbox
         WHERE state = 'queued' AND author = 'agent' AND account_id = ?1
           AND (?3 IS NULL OR channel = ?3) AND (?4 IS NULL OR instance = ?4)
           AND (CASE WHEN ?5 IS NULL THEN agent_id = ?2 ELSE contact = ?5 END)
         ORDER BY rowid`,
        [account, agentId, channel ?? null, instance ?? null, contact ?? null],
      );
    },
    async lastAddress(account, sessionId) {
      const [row] = await store.read<{ id: string; sealed: Uint8Array | null }>(
        `SELECT id, sealed FROM outbox WHERE account_id = ? AND session_id = ?
         ORDER BY rowid DESC LIMIT 1`,
        [account, sessionId],
      );
      return row?.sealed == null ? null : open(account, row.id, row.sealed).to;
    },
    async openForOperator() {
      return store.readMany<OpenOutbound>(
        `SELECT id, account_id, session_id, next_at_ms, created_at_ms, traceparent
         FROM outbox WHERE state = 'queued' ORDER BY rowid`,
      );
    },
  };
}

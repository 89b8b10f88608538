/**
 * The outbox: every message on its way out, once.
 *
 * @module
 */
import { OutboundBody, type ReplyAddress, textOfBody } from "../contract/mod.ts";
import type { Sealer } from "../store/sealer.ts";
import { insert, type Row, statement, type Store, type Write } from "../store/store.ts";

/** Where a message goes and why. */
export interface Outbound {
  /** Stands for (turn, step): the same step cannot send twice. */
  readonly id: string;
  readonly account_id: string;
  readonly agent_id: string;
  readonly session_id: string;
  readonly channel: string;
  readonly instance: string;
  readonly contact: string;
  readonly turn_id: string | null;
  readonly body: OutboundBody;
  /** After this time it is not sent any more, in milliseconds since the epoch. */
  readonly expires_at_ms: number;
  /** Whose words they are; a pause stops the agent's only. @default {"agent"} */
  readonly author?: "agent" | "operator" | "core";
}

/** A conversation, or all of a binding or agent. */
export interface OutboundScope {
  readonly account: string;
  readonly agentId: string;
  readonly channel?: string | undefined;
  readonly instance?: string | undefined;
  readonly contact?: string | undefined;
}

/** An unsent message without its text: all the delivery lanes need. */
export interface OpenOutbound extends Row {
  id: string;
  account_id: string;
  session_id: string;
  attempts: number;
  next_at_ms: number;
}

/** A message that was sent, as its conversation shows it. */
export interface SentMessage {
  id: string;
  text: string;
  sent_at_ms: number;
}

/** Rows of the table `outbox`. */
export interface Outbox {
  rowsForQueued(outbound: Outbound, nowMs: number): Write[];
  /** Fails with `conflict` when it was sent already. */
  rowsForSent(account: string, id: string, receipt: string | null, nowMs: number): Write[];
  rowsForRetry(account: string, id: string, nextAtMs: number): Write[];
  rowsForDead(account: string, id: string): Write[];
  rowsForReplay(account: string, id: string, nowMs: number, expiresAtMs: number): Write[];
  find(account: string, id: string): Promise<(Outbound & { attempts: number }) | undefined>;
  /** What agents wrote in a scope and nobody has sent yet, oldest first. */
  unsentOfAgent(
    scope: OutboundScope,
  ): Promise<{ id: string; agent_id: string; session_id: string }[]>;
  /** Where the newest message of a conversation went; null means the contact, or that there is none. */
  lastAddress(account: string, sessionId: string): Promise<ReplyAddress | null>;
  /** What a conversation was sent after the message `afterId`, oldest first, at most 50. */
  sentTo(account: string, sessionId: string, afterId: string): Promise<SentMessage[]>;
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
  author: "agent" | "operator" | "core";
}

/** Returns the outbox over `store`. */
export function createOutbox({ store, sealer }: { store: Store; sealer: Sealer }): Outbox {
  const place = (account: string, id: string) => ({ table: "outbox", account, id });
  const open = (account: string, id: string, sealed: Uint8Array): OutboundBody =>
    OutboundBody.parse(JSON.parse(sealer.openText(place(account, id), sealed)));
  return {
    rowsForQueued({ body, ...outbound }, nowMs) {
      return [insert("outbox", {
        ...outbound,
        sealed: sealer.seal(place(outbound.account_id, outbound.id), JSON.stringify(body)),
        state: "queued",
        attempts: 0,
        next_at_ms: nowMs,
        created_at_ms: nowMs,
        sent_at_ms: null,
        receipt: null,
      })];
    },
    rowsForSent(account, id, receipt, nowMs) {
      return [statement(
        `UPDATE outbox SET state = 'sent', receipt = ?, sent_at_ms = ?, attempts = attempts + 1
         WHERE account_id = ? AND id = ? AND state = 'queued'`,
        [receipt, nowMs, account, id],
        1,
      )];
    },
    rowsForRetry(account, id, nextAtMs) {
      return [statement(
        "UPDATE outbox SET attempts = attempts + 1, next_at_ms = ? WHERE account_id = ? AND id = ? AND state = 'queued'",
        [nextAtMs, account, id],
        1,
      )];
    },
    rowsForDead(account, id) {
      return [statement(
        "UPDATE outbox SET state = 'dead' WHERE account_id = ? AND id = ? AND state = 'queued'",
        [account, id],
        1,
      )];
    },
    rowsForReplay(account, id, nowMs, expiresAtMs) {
      return [statement(
        `UPDATE outbox SET state = 'queued', attempts = 0, next_at_ms = ?, expires_at_ms = ?
         WHERE account_id = ? AND id = ? AND state = 'dead'`,
        [nowMs, expiresAtMs, account, id],
        1,
      )];
    },
    async find(account, id) {
      const [row] = await store.read<OutboxRow>(
        `SELECT id, account_id, agent_id, session_id, channel, instance, contact, turn_id, sealed,
           attempts, expires_at_ms, author
         FROM outbox WHERE account_id = ? AND id = ? AND state = 'queued'`,
        [account, id],
      );
      if (row === undefined) return undefined;
      const { sealed, ...rest } = row;
      return { ...rest, body: open(account, id, sealed) };
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
    async sentTo(account, sessionId, afterId) {
      const rows = await store.read<{ id: string; sealed: Uint8Array; sent_at_ms: number }>(
        `SELECT id, sealed, sent_at_ms FROM outbox
         WHERE account_id = ?1 AND session_id = ?2 AND state = 'sent'
           AND rowid > coalesce((SELECT rowid FROM outbox WHERE account_id = ?1 AND id = ?3), 0)
         ORDER BY rowid LIMIT 50`,
        [account, sessionId, afterId],
      );
      return rows.map(({ id, sealed, sent_at_ms }) => ({
        id,
        text: textOfBody(open(account, id, sealed)),
        sent_at_ms,
      }));
    },
    async openForOperator() {
      return store.readMany<OpenOutbound>(
        "SELECT id, account_id, session_id, attempts, next_at_ms FROM outbox WHERE state = 'queued' ORDER BY rowid",
      );
    },
  };
}

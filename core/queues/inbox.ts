/**
 * The inbox: every delivery that was accepted, once.
 *
 * @module
 */
import { bodyOfBytes, Envelope, EnvelopeHead, envelopeOf, type Handoff } from "../contract/mod.ts";
import type { DeliveryView } from "../contract/views/deliveries.ts";
import type { Sealer } from "../store/sealer.ts";
import { bulk, insert, type Row, statement, type Store, type Write } from "../store/store.ts";

/** How far a delivery has come. */
export type InboxState = DeliveryView["state"];

/** A row as operators see it. */
export interface InboxRow extends Omit<DeliveryView, "verified_by">, Row {}

/** Which deliveries {@linkcode Inbox.list} returns. */
export interface InboxFilter {
  account?: string | undefined;
  source?: string | undefined;
  state?: string | undefined;
  /** At most this many, newest first. */
  limit: number;
  /** Only older than this envelope id. */
  before?: string | undefined;
}

/** Rows of the table `inbox`. */
export interface Inbox {
  rowsForDelivery(handoff: Handoff, account: string, state: InboxState): Write[];
  /** Finishes a delivery once none of its inbounds is open. Give it after the inbounds' own writes. */
  rowsForSettled(inboxId: string): Write[];
  /** Forgets an expired dedupe key. */
  rowsForForgotten(source: string, dedupeKey: string, nowMs: number): Write[];
  /** The delivery that holds a dedupe key. */
  holder(source: string, dedupeKey: string): Promise<{ id: string; untilMs: number } | undefined>;
  /** How many subscribers a delivery had passed when it came. */
  hops(id: string): Promise<number>;
  listForOperator(filter: InboxFilter): Promise<InboxRow[]>;
  /** One delivery, and the one it repeats when an operator replayed that. */
  findForOperator(id: string): Promise<(InboxRow & { replayed_from: string | null }) | undefined>;
  /** One delivery with its envelope (null once purged), or undefined. */
  showForOperator(id: string): Promise<{ row: InboxRow; envelope: Envelope | null } | undefined>;
}

const columns =
  `i.id AS envelope_id, i.account_id, i.source_id, i.event_kind, i.subject, i.delivery_id,
  i.state, i.received_at_ms,
  coalesce((SELECT max(starts) FROM inbounds WHERE inbox_id = i.id), 0) AS attempts`;

/** Returns the inbox over `store`. */
export function createInbox({ store, sealer }: { store: Store; sealer: Sealer }): Inbox {
  return {
    rowsForDelivery(handoff, account, state) {
      const { envelope, body } = handoff;
      const where = { table: "inbox", account, id: envelope.envelope_id };
      return [insert("inbox", {
        id: envelope.envelope_id,
        account_id: account,
        source_id: envelope.source_id,
        event_kind: envelope.event_kind,
        subject: handoff.subject,
        delivery_id: handoff.delivery_id,
        dedupe_key: handoff.dedupe_key,
        dedupe_until_ms: envelope.received_at_ms + handoff.dedupe_window_ms,
        hops: handoff.hops,
        sealed: sealer.seal(where, `${JSON.stringify(envelope)}\n`, body.bytes),
        state,
        received_at_ms: envelope.received_at_ms,
      })];
    },
    rowsForSettled: (inboxId) => [bulk(
      `UPDATE inbox SET state = CASE
         WHEN EXISTS (SELECT 1 FROM inbounds WHERE inbox_id = inbox.id AND state = 'dead') THEN 'dead'
         ELSE 'done' END
       WHERE id IN (VALUES $rows) AND NOT EXISTS (
         SELECT 1 FROM inbounds WHERE inbox_id = inbox.id AND state IN ('queued', 'running')
       )`,
      [[inboxId]],
      "any",
    )],
    rowsForForgotten(source, dedupeKey, nowMs) {
      return [statement(
        "UPDATE inbox SET dedupe_key = NULL WHERE source_id = ? AND dedupe_key = ? AND dedupe_until_ms <= ?",
        [source, dedupeKey, nowMs],
      )];
    },
    async holder(source, dedupeKey) {
      const [row] = await store.read<{ id: string; dedupe_until_ms: number }>(
        "SELECT id, dedupe_until_ms FROM inbox WHERE source_id = ? AND dedupe_key = ?",
        [source, dedupeKey],
      );
      return row && { id: row.id, untilMs: row.dedupe_until_ms };
    },
    async hops(id) {
      const [row] = await store.read<{ hops: number }>("SELECT hops FROM inbox WHERE id = ?", [id]);
      return row?.hops ?? 0;
    },
    async listForOperator({ account, source, state, limit, before }) {
      return store.readMany<InboxRow>(
        `SELECT ${columns} FROM inbox i
         WHERE (?1 IS NULL OR i.account_id = ?1) AND (?2 IS NULL OR i.source_id = ?2)
           AND (?3 IS NULL OR i.state = ?3) AND (?4 IS NULL OR i.id < ?4)
         ORDER BY i.id DESC LIMIT ?5`,
        [account ?? null, source ?? null, state ?? null, before ?? null, limit],
      );
    },
    async findForOperator(id) {
      const [row] = await store.read<InboxRow & { dedupe_key: string | null }>(
        `SELECT ${columns}, i.dedupe_key FROM inbox i WHERE i.id = ?`,
        [id],
      );
      if (row === undefined) return undefined;
      const { dedupe_key, ...delivery } = row;
      return { ...delivery, replayed_from: replayedFrom(dedupe_key) };
    },
    async showForOperator(id) {
      const [row] = await store.read<InboxRow & { sealed: Uint8Array | null }>(
        `SELECT ${columns}, i.sealed FROM inbox i WHERE i.id = ?`,
        [id],
      );
      if (row === undefined) return undefined;
      const { sealed, ...delivery } = row;
      const where = { table: "inbox", account: row.account_id, id };
      const envelope = sealed && readEnvelope(sealer.open(where, sealed));
      return { row: delivery, envelope };
    },
  };
}

const NEWLINE = 10;

/** A line of facts, then the body as it came; before, both were one JSON, which has no line break. */
function readEnvelope(bytes: Uint8Array): Envelope {
  const end = bytes.indexOf(NEWLINE);
  const line = new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  const value = JSON.parse(line) as unknown;
  if (end < 0) return Envelope.parse(value);
  return envelopeOf(EnvelopeHead.parse(value), bodyOfBytes(bytes.subarray(end + 1)));
}

/** The dedupe key of a replay: new each time, and it says of what. */
export function replayKey(envelopeId: string, again: string): string {
  return `replay:${envelopeId}:${again}`;
}

function replayedFrom(dedupeKey: string | null): string | null {
  return /^replay:([^:]+):/.exec(dedupeKey ?? "")?.[1] ?? null;
}

/**
 * The table `pending_inbounds`: messages that wait behind a pause. Their texts stay in `inbounds`.
 *
 * @module
 */
import type { Inbound } from "../contract/mod.ts";
import { insert, type Row, statement, type Store, type Write } from "../store/store.ts";
import type { Scope } from "./scopes.ts";

/** A waiting message without its text. */
export interface PendingRow extends Row {
  account_id: string;
  /** Of the row in `inbounds`. */
  id: string;
  agent_id: string;
  session_id: string;
  channel: string;
  instance: string;
  contact: string;
  trigger: Inbound["trigger"];
  inbox_id: string | null;
}

const columns =
  "account_id, id, agent_id, session_id, channel, instance, contact, trigger, inbox_id";
/** Ids in one statement. */
const CHUNK = 500;

/** Rows that put a message behind a pause. */
export function rowsForPending(inbound: Inbound, sessionId: string, nowMs: number): Write[] {
  return [insert("pending_inbounds", {
    ...inbound.key,
    id: inbound.id,
    session_id: sessionId,
    trigger: inbound.trigger,
    inbox_id: inbound.envelope_id,
    held_at_ms: nowMs,
  })];
}

/** Rows that let messages go; `conflict` unless all of them still wait. */
export function rowsForReleased(account: string, ids: readonly string[]): Write[] {
  return chunksOf(ids).map((part) =>
    statement(
      `DELETE FROM pending_inbounds WHERE account_id = ? AND id IN (${
        part.map(() => "?").join(", ")
      })`,
      [account, ...part],
      part.length,
    )
  );
}

/** Parts of a long list, for one statement each. */
export function chunksOf(ids: readonly string[]): string[][] {
  const parts: string[][] = [];
  for (let from = 0; from < ids.length; from += CHUNK) parts.push(ids.slice(from, from + CHUNK));
  return parts;
}

/** What waits in a scope, oldest first. */
export function readPending(
  store: Pick<Store, "readMany">,
  scope: Scope,
): Promise<PendingRow[]> {
  const { account, agentId } = scope;
  const narrower: [string, string][] = scope.kind === "agent" ? [] : [
    ["channel", scope.channel],
    ["instance", scope.instance],
    ...(scope.kind === "conversation" ? [["contact", scope.contact] as [string, string]] : []),
  ];
  return store.readMany<PendingRow>(
    `SELECT ${columns} FROM pending_inbounds WHERE account_id = ? AND agent_id = ?${
      narrower.map(([column]) => ` AND ${column} = ?`).join("")
    } ORDER BY id`,
    [account, agentId, ...narrower.map(([, value]) => value)],
  );
}

/** What waits in one conversation, oldest first. */
export function readPendingOf(
  store: Pick<Store, "readMany">,
  account: string,
  sessionId: string,
): Promise<PendingRow[]> {
  return store.readMany<PendingRow>(
    `SELECT ${columns} FROM pending_inbounds WHERE account_id = ? AND session_id = ? ORDER BY id`,
    [account, sessionId],
  );
}

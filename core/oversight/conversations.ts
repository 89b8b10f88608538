/**
 * Conversations as an operator's inbox shows them: what was said last, who has it, what waits.
 *
 * @module
 */
import type { ConversationKey } from "../contract/mod.ts";
import type { Row, Store, Value } from "../store/store.ts";
import type { Scope } from "./scopes.ts";

/** A conversation and the newest thing in it. */
export interface ConversationRow extends Row {
  account_id: string;
  session_id: string;
  agent_id: string;
  channel: string;
  instance: string;
  contact: string;
  /** The newest message that came in; what the list is ordered by. */
  last_inbound_id: string;
  last_seq: number | null;
  last_role: "user" | "assistant" | "tool" | "system" | null;
  last_body: string | null;
  last_at_ms: number | null;
  pending: number;
}

/** Which conversations to list. */
export interface ConversationQuery {
  readonly account: string;
  readonly agentId?: string | undefined;
  readonly channel?: string | undefined;
  readonly instance?: string | undefined;
  readonly contact?: string | undefined;
  readonly sessionId?: string | undefined;
  /** Only those whose newest inbound is older. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** How much of the newest entry is shown, in characters. */
const PREVIEW_CHARS = 280;

// Walks from one session to the next in the index: a long conversation costs no more than a short one.
const ALL_SESSIONS = `
  SELECT min(session_id) FROM inbounds WHERE account_id = ?1
  UNION ALL
  SELECT (SELECT min(session_id) FROM inbounds WHERE account_id = ?1 AND session_id > s.id)
  FROM sessions s WHERE s.id IS NOT NULL`;

/** The conversations of a tenant, the one that was written to last in front. */
export function listConversations(
  store: Pick<Store, "readMany">,
  { account, sessionId, limit, ...filter }: ConversationQuery,
): Promise<ConversationRow[]> {
  const conditions: readonly [string, Value | undefined][] = [
    ["i.agent_id =", filter.agentId],
    ["i.channel =", filter.channel],
    ["i.instance =", filter.instance],
    ["i.contact =", filter.contact],
    ["i.id <", filter.before],
  ];
  const args: Value[] = [account, limit, ...(sessionId === undefined ? [] : [sessionId])];
  const where = conditions.flatMap(([sql, value]) =>
    value === undefined ? [] : ` AND ${sql} ?${args.push(value)}`
  ).join("");
  return store.readMany<ConversationRow>(
    `WITH RECURSIVE
       sessions (id) AS (${sessionId === undefined ? ALL_SESSIONS : "SELECT ?3"}),
       newest AS (
         SELECT i.account_id, i.session_id, i.agent_id, i.channel, i.instance, i.contact,
           i.id AS last_inbound_id
         FROM sessions s JOIN inbounds i ON i.id = (
           SELECT max(id) FROM inbounds WHERE account_id = ?1 AND session_id = s.id
         )
         WHERE s.id IS NOT NULL${where}
         ORDER BY i.id DESC LIMIT ?2
       )
     SELECT n.*, t.seq AS last_seq, t.role AS last_role, t.sent_at_ms AS last_at_ms,
       substr(t.body, 1, ${PREVIEW_CHARS}) AS last_body,
       (SELECT count(*) FROM pending_inbounds p
        WHERE p.account_id = ?1 AND p.session_id = n.session_id) AS pending
     FROM newest n
     LEFT JOIN transcripts t ON t.account_id = ?1 AND t.session_id = n.session_id AND t.seq = (
       SELECT max(seq) FROM transcripts WHERE account_id = ?1 AND session_id = n.session_id
     )
     ORDER BY n.last_inbound_id DESC`,
    args,
  );
}

/** The conversations with a contact in a binding or agent, wherever they are. */
export async function findConversations(
  store: Pick<Store, "readMany">,
  scope: Exclude<Scope, { kind: "conversation" }>,
  contact: string,
): Promise<ConversationKey[]> {
  const { account, agentId } = scope;
  const rows = await store.readMany<{ channel: string; instance: string }>(
    `SELECT DISTINCT channel, instance FROM inbounds
     WHERE account_id = ? AND agent_id = ? AND contact = ?${
      scope.kind === "agent" ? "" : " AND channel = ? AND instance = ?"
    }`,
    [
      account,
      agentId,
      contact,
      ...(scope.kind === "agent" ? [] : [scope.channel, scope.instance]),
    ],
  );
  return rows.map(({ channel, instance }) => ({
    account_id: account,
    agent_id: agentId,
    channel,
    instance,
    contact,
  }));
}

/** The conversation of a session, when the tenant has it. */
export async function findConversation(
  store: Pick<Store, "read">,
  account: string,
  sessionId: string,
): Promise<ConversationKey | undefined> {
  const [row] = await store.read<Row & ConversationKey>(
    `SELECT account_id, agent_id, channel, instance, contact FROM inbounds
     WHERE account_id = ? AND session_id = ? LIMIT 1`,
    [account, sessionId],
  );
  return row;
}

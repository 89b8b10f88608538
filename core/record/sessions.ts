/**
 * Which conversations a tenant has.
 *
 * @module
 */
import type { Row, Store, Value } from "../store/store.ts";

/** A conversation of which something is kept. */
export interface SessionView extends Row {
  session_id: string;
  agent_id: string;
  /** Of its first entry that is kept. */
  source_plugin: string;
  started_at_ms: number;
  entries: number;
}

/** A page of a tenant's sessions, by their ids. */
export function listSessions(
  store: Pick<Store, "readMany">,
  { account, agentId, sessionId, after = "", limit }: {
    account: string;
    agentId?: string | undefined;
    /** Only this one. */
    sessionId?: string | undefined;
    /** Exclusive. */
    after?: string | undefined;
    limit: number;
  },
): Promise<SessionView[]> {
  const where = ["account_id = ?", "session_id > ?"];
  const args: Value[] = [account, after];
  for (const [column, value] of [["agent_id", agentId], ["session_id", sessionId]] as const) {
    if (value === undefined) continue;
    where.push(`${column} = ?`);
    args.push(value);
  }
  // Columns beside min() are those of the row that has it.
  return store.readMany<SessionView>(
    `SELECT session_id, agent_id, source_plugin, sent_at_ms AS started_at_ms, entries FROM (
       SELECT session_id, agent_id, source_plugin, sent_at_ms, min(seq), count(*) AS entries
       FROM transcripts WHERE ${where.join(" AND ")} GROUP BY session_id
     ) ORDER BY session_id LIMIT ?`,
    [...args, limit],
  );
}

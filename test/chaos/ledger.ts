/**
 * What a home's database says happened, read directly once the daemon has stopped.
 *
 * @module
 */
import { createClient } from "@libsql/client";
import { join } from "node:path";

/** A finished turn. */
export interface LedgerTurn {
  readonly id: string;
  readonly account_id: string;
  readonly session_id: string;
  readonly channel: string;
  readonly outcome: string;
  readonly tool_calls: number;
  readonly inboundIds: readonly string[];
}

/** The rows that tell whether everything happened once and in order. */
export interface Ledger {
  readonly turns: readonly LedgerTurn[];
  /** Each message with the ids its sender knows it by. */
  readonly inbounds: readonly {
    readonly id: string;
    readonly account_id: string;
    readonly contact: string;
    readonly state: string;
    readonly delivery_id: string | null;
    readonly msg_id: string | null;
  }[];
  readonly outbox: readonly { readonly turn_id: string; readonly state: string }[];
  readonly transcripts: readonly {
    readonly account_id: string;
    readonly session_id: string;
    readonly seq: number;
    readonly role: string;
    readonly body: string;
    readonly turn_id: string;
  }[];
  readonly events: readonly {
    readonly id: number;
    readonly account_id: string;
    readonly offset: number;
    readonly kind: string;
    readonly agent_id: string | null;
    readonly turn_id: string | null;
    readonly body: string;
  }[];
  /** Every delivery that was accepted. */
  readonly deliveries: readonly {
    readonly account_id: string;
    readonly delivery_id: string | null;
    readonly state: string;
  }[];
  readonly toolCalls: readonly { readonly turn_id: string; readonly outcome: string }[];
  /** Rows that must not be left: by what they are, how many. */
  readonly leftovers: Readonly<Record<string, number>>;
}

/** Reads the database of `home`. No daemon may have it open. */
export async function readLedger(home: string): Promise<Ledger> {
  const db = createClient({ url: `file:${join(home, "state", "core.db")}`, intMode: "number" });
  async function all<T>(sql: string): Promise<T[]> {
    const { rows } = await db.execute(sql);
    return rows.map((row) => ({ ...row }) as T);
  }
  try {
    const turns = await all<LedgerTurn & { inbound_ids: string }>(
      `SELECT id, account_id, session_id, channel, outcome, tool_calls, inbound_ids
       FROM turns ORDER BY account_id, offset`,
    );
    const [leftovers] = await all<Record<string, number>>(
      `SELECT (SELECT count(*) FROM inbox WHERE state <> 'done') AS deliveries,
         (SELECT count(*) FROM inbounds WHERE state <> 'done') AS messages,
         (SELECT count(*) FROM outbox WHERE state <> 'sent') AS sends,
         (SELECT count(*) FROM turn_steps) AS steps,
         (SELECT count(*) FROM dead_letters) AS dead_letters`,
    );
    return {
      turns: turns.map(({ inbound_ids, ...turn }) => ({
        ...turn,
        inboundIds: JSON.parse(inbound_ids) as string[],
      })),
      inbounds: await all(
        `SELECT b.id, b.account_id, b.contact, b.state, b.msg_id, i.delivery_id
         FROM inbounds b LEFT JOIN inbox i ON i.id = b.inbox_id ORDER BY b.id`,
      ),
      outbox: await all("SELECT turn_id, state FROM outbox ORDER BY rowid"),
      transcripts: await all(
        `SELECT account_id, session_id, seq, role, body, turn_id FROM transcripts
         ORDER BY account_id, session_id, seq`,
      ),
      events: await all(
        `SELECT id, account_id, offset, kind, agent_id, body,
         json_extract(body, '$.turn_id') AS turn_id FROM agent_events ORDER BY id`,
      ),
      deliveries: await all("SELECT account_id, delivery_id, state FROM inbox ORDER BY id"),
      toolCalls: await all("SELECT turn_id, outcome FROM tool_calls"),
      leftovers: leftovers ?? {},
    };
  } finally {
    db.close();
  }
}

/** Rows by what `keyOf` says of them, each group in the order given. */
export function groupBy<T>(rows: readonly T[], keyOf: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group === undefined) groups.set(keyOf(row), [row]);
    else group.push(row);
  }
  return groups;
}

/**
 * Erasing from the tables that no other file of this room knows.
 *
 * @module
 */
import { statement, type Store } from "../store/store.ts";
import type { EraseScope } from "./erase_meant.ts";

/** Tables with rows of tenants that are not erased, or here, in a way of their own. */
const TREATED = new Set([
  // Tombstones stay, for the chain; what they held is gone.
  "turns",
  // Who asked for what, by names of methods and keyed hashes; chained, too.
  "admin_audit",
  // Sums and bills, without a word or a name.
  "model_calls",
  "usage",
  // Not a person's but the operator's.
  "tenants",
  "tokens",
  "transcripts",
  "tool_calls",
  "agent_events",
  "dead_letters",
  "inbox",
  "turn_steps",
  "outbox",
  "inbounds",
]);
/** Columns that name a conversation, and those that name a person. */
const SESSION_COLUMNS = ["session_id"];
const PERSON_COLUMNS = ["contact", "sender_id"];

/**
 * Every other table that has rows of tenants, whichever room it is of: a table that somebody adds is
 * erased by what its columns are called, and stays only when it is named above.
 */
export async function deleteElsewhere(store: Store, scope: EraseScope): Promise<void> {
  const { account, sessionIds, contact } = scope;
  const columns = await store.readMany<{ name: string; column: string }>(
    `SELECT m.name, p.name AS column FROM sqlite_master AS m, pragma_table_info(m.name) AS p
     WHERE m.type = 'table'`,
  );
  const tables = new Map<string, Set<string>>();
  for (const { name, column } of columns) {
    tables.set(name, (tables.get(name) ?? new Set()).add(column));
  }
  for (const [table, has] of tables) {
    if (!has.has("account_id") || TREATED.has(table)) continue;
    const ways = sessionIds === undefined ? [{ sql: "TRUE", arg: [] }] : [
      ...SESSION_COLUMNS.filter((name) => has.has(name)).map((name) => ({
        sql: `${name} IN (SELECT value FROM json_each(?))`,
        arg: [JSON.stringify(sessionIds)],
      })),
      ...PERSON_COLUMNS.filter((name) => has.has(name) && contact !== undefined).map((name) => ({
        sql: `${name} = ?`,
        arg: [contact ?? null],
      })),
    ];
    if (ways.length === 0) continue;
    await store.commit([
      statement(
        `DELETE FROM "${table}" WHERE account_id = ? AND (${
          ways.map(({ sql }) => sql).join(" OR ")
        })`,
        [account, ...ways.flatMap(({ arg }) => arg)],
      ),
    ]);
  }
}

/**
 * Erasing a contact or a tenant: every word and every name goes, what was counted and chained stays.
 *
 * Rows go in commits of few, so that nobody else waits for long. What leads to the others goes last:
 * an erasure that was interrupted, by whatever, finds the rest when it is asked for again.
 *
 * @module
 */
import type { Erased } from "../contract/admin/tenants.ts";
import { delay } from "../flow/delay.ts";
import { type Row, statement, type Store } from "../store/store.ts";
import { deleteElsewhere } from "./erase_elsewhere.ts";
import {
  deadLettersOf,
  type EraseScope,
  eventsOf,
  inSessions,
  type Meant,
  toolCallsOf,
} from "./erase_meant.ts";
import { compactIndex } from "./index_upkeep.ts";
import { sessionStream } from "./transcript_rows.ts";
import { rowsForErasedTurns } from "./turns.ts";

/** Rows deleted in one commit. */
const BATCH_ROWS = 200;
const BETWEEN_BATCHES_MS = 2;

/** What {@linkcode erase} needs. */
export interface EraseDeps {
  readonly store: Store;
  readonly nowMs: number;
}

/**
 * The conversations of a person with a tenant's agents.
 *
 * They are found by the messages, and by what `sessionIdOf` makes of every place where the tenant's
 * agents ever answered, so that also conversations are found of which no message is left.
 */
export async function sessionsOfContact(
  store: Pick<Store, "readMany">,
  { account, contact }: { account: string; contact: string },
  sessionIdOf: (key: {
    account_id: string;
    agent_id: string;
    channel: string;
    instance: string;
    contact: string;
  }) => string,
): Promise<string[]> {
  const known = await store.readMany<{ session_id: string }>(
    `SELECT session_id FROM inbounds WHERE account_id = ?1 AND contact = ?2
     UNION SELECT session_id FROM outbox WHERE account_id = ?1 AND contact = ?2
     UNION SELECT session_id FROM transcripts WHERE account_id = ?1 AND sender_id = ?2`,
    [account, contact],
  );
  const places = await store.readMany<{ agent_id: string; channel: string; instance: string }>(
    "SELECT DISTINCT agent_id, channel, instance FROM turns WHERE account_id = ?",
    [account],
  );
  return [
    ...new Set([
      ...known.map(({ session_id }) => session_id),
      ...places.map((place) => sessionIdOf({ account_id: account, ...place, contact })),
    ]),
  ];
}

/** Erases, and returns what is gone once neither the database nor its log hold it any more. */
export async function erase(deps: EraseDeps, scope: EraseScope): Promise<Erased> {
  const { store } = deps;
  const found = {
    transcripts: await deleteAll(store, { table: "transcripts", ...inSessions(scope) }),
    tool_calls: await deleteAll(store, toolCallsOf(scope)),
    events: await deleteAll(store, eventsOf(scope)),
    dead_letters: await deleteAll(store, deadLettersOf(scope)),
    deliveries: await eraseDeliveries(deps, scope),
  };
  await deleteSteps(store, scope);
  await deleteHeads(store, scope);
  await deleteElsewhere(store, scope);
  // Only now what leads to all of the above.
  const turns = await eraseTurns(store, scope);
  const sent = await deleteAll(store, { table: "outbox", ...inSessions(scope) });
  const received = await deleteAll(store, { table: "inbounds", ...inSessions(scope) });
  await compactIndex(store);
  await store.checkpoint();
  return { ...found, turns, messages: sent + received };
}

/** Deletes in commits of few rows until none is left; returns how many went. */
async function deleteAll(store: Store, { table, where, args }: Meant): Promise<number> {
  let deleted = 0;
  for (;;) {
    const ids = (await store.readMany<Row & { id: string | number }>(
      `SELECT id FROM ${table} WHERE ${where} LIMIT ${BATCH_ROWS * 10}`,
      args,
    )).map(({ id }) => id);
    if (ids.length === 0) return deleted;
    for (let from = 0; from < ids.length; from += BATCH_ROWS) {
      const batch = JSON.stringify(ids.slice(from, from + BATCH_ROWS));
      await store.commit([
        statement(`DELETE FROM ${table} WHERE id IN (SELECT value FROM json_each(?))`, [batch]),
      ]);
      await delay(BETWEEN_BATCHES_MS);
    }
    deleted += ids.length;
  }
}

/**
 * Deliveries lose what they carried. Their row stays for as long as it must keep a provider's
 * repetition out, and then goes with the others that are over.
 */
async function eraseDeliveries({ store, nowMs }: EraseDeps, scope: EraseScope): Promise<number> {
  const { account, sessionIds, contact } = scope;
  const messages = inSessions(scope);
  const meant = sessionIds === undefined ? messages : {
    where: `account_id = ? AND id IN (SELECT inbox_id FROM inbounds WHERE ${messages.where})`,
    args: [account, ...messages.args],
  };
  const rows = await store.readMany(
    `SELECT id FROM inbox WHERE ${meant.where} AND (sealed IS NOT NULL OR subject <> '')`,
    meant.args,
  );
  await store.commit([
    statement(`DELETE FROM inbox WHERE ${meant.where} AND dedupe_until_ms <= ?`, [
      ...meant.args,
      nowMs,
    ]),
    statement(
      `UPDATE inbox SET sealed = NULL, delivery_id = NULL, subject = '',
         state = CASE state WHEN 'queued' THEN 'done' ELSE state END,
         dedupe_key = CASE WHEN instr(dedupe_key, ?) > 0 THEN NULL ELSE dedupe_key END
       WHERE ${meant.where}`,
      [contact ?? account, ...meant.args],
    ),
  ]);
  return rows.length;
}

async function eraseTurns(store: Store, scope: EraseScope): Promise<number> {
  const meant = inSessions(scope);
  const rows = await store.readMany<{ session_id: string; turns: number }>(
    `SELECT session_id, count(*) AS turns FROM turns
     WHERE ${meant.where} AND session_id <> '' GROUP BY session_id`,
    meant.args,
  );
  for (const { session_id: sessionId } of rows) {
    await store.commit(rowsForErasedTurns({ account: scope.account, sessionId }));
    await delay(BETWEEN_BATCHES_MS);
  }
  return rows.reduce((sum, { turns }) => sum + turns, 0);
}

/** Steps of turns that have not ended. */
async function deleteSteps(store: Store, scope: EraseScope): Promise<void> {
  const messages = inSessions(scope);
  await store.commit([
    statement(
      `DELETE FROM turn_steps WHERE turn_id IN (SELECT turn_id FROM inbounds WHERE ${messages.where})`,
      messages.args,
    ),
  ]);
}

/** How far each conversation had come; its name follows from the contact's. */
async function deleteHeads(store: Store, scope: EraseScope): Promise<void> {
  const { account, sessionIds } = scope;
  if (sessionIds !== undefined) {
    const names = JSON.stringify(sessionIds.map((id) => sessionStream(account, id)));
    await store.commit([
      statement("DELETE FROM streams WHERE name IN (SELECT value FROM json_each(?))", [names]),
    ]);
    return;
  }
  const prefix = sessionStream(account, "");
  // The first name after all that begin so.
  const behind = `${prefix.slice(0, -1)}0`;
  await store.commit([
    statement("DELETE FROM streams WHERE name >= ? AND name < ?", [prefix, behind]),
  ]);
}

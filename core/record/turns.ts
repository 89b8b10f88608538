/**
 * The turn log: one row per finished turn, chained per tenant.
 *
 * @module
 */
import type { Random } from "../contract/mod.ts";
import type { TurnView } from "../contract/views/turns.ts";
import { clampLimit, readPage } from "../events/page.ts";
import type { Redactor } from "../redact/redactor.ts";
import { append, type Row, statement, type Store, type Value, type Write } from "../store/store.ts";
import { hashRow, rowJson, saltedDigest, sortedNames } from "./hash.ts";
import { storable } from "./storable.ts";

const MAX_ERROR_CHARS = 512;
const SALT_BYTES = 16;

/** A turn that has ended. */
export interface FinishedTurn {
  readonly id: string;
  readonly accountId: string;
  readonly agentId: string;
  readonly sessionId: string;
  readonly channel: string;
  readonly instance: string;
  readonly bindingId: string;
  readonly trigger: string;
  readonly envelopeId?: string | null | undefined;
  readonly deliveryId?: string | null | undefined;
  readonly inboundIds: readonly string[];
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly outcome: "ok" | "error" | "refused";
  /** Why it failed; redacted and cut to 512 characters. */
  readonly error?: string | null | undefined;
  /** 1 for a turn that needed no second try. */
  readonly attempts: number;
  readonly provider: string;
  readonly model: string;
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly tokensCached: number;
  /** Millionths of the currency of the price list. */
  readonly costMicros: number;
  readonly toolCalls: number;
  readonly traceId?: string | null | undefined;
  /** What the row vouches for without holding it: `contentOf` its entries. */
  readonly content: string;
}

/** Turns, newest first. */
export interface TurnPage {
  readonly turns: TurnView[];
  /** Give it back for the next page; absent after the last. */
  readonly cursor?: number;
}

/** What a tail may ask for. */
export interface TurnQuery {
  /** Turns that finished at or after this time. */
  readonly sinceMs?: number | undefined;
  /** 1 to 1000. @default {50} */
  readonly limit?: number | undefined;
  readonly cursor?: number | undefined;
  readonly agentId?: string | undefined;
  readonly outcome?: FinishedTurn["outcome"] | undefined;
}

/** Columns that the hash covers directly. */
export const TURN_HASHED = sortedNames([
  "id",
  "account_id",
  "offset",
  "agent_id",
  "channel",
  "instance",
  "binding_id",
  "trigger",
  "envelope_id",
  "started_at_ms",
  "finished_at_ms",
  "outcome",
  "attempts",
  "provider",
  "model",
  "tokens_in",
  "tokens_out",
  "tokens_cached",
  "cost_micros",
  "tool_calls",
  "duration_ms",
  "trace_id",
  "content_hmac",
  "prev_hash",
]);

/** Columns that may lead to a person; the hash covers them through the salt only. What erasing leaves. */
const TURN_TOMBSTONE: Row = {
  session_id: "",
  delivery_id: null,
  inbound_ids: "[]",
  error: null,
};
/** See `erasablePartHolds`. */
export const TURN_ERASABLE = sortedNames(Object.keys(TURN_TOMBSTONE));

/** The stream of a tenant's turns. */
export function turnStream(account: string): string {
  return `turns:${account}`;
}

/** The rows of a finished turn. Fails its unit when the turn is already on record. */
export function rowsForTurn(
  turn: FinishedTurn,
  { random, redact }: { random: Random; redact: Redactor },
): Write[] {
  const salt = Buffer.from(random(new Uint8Array(SALT_BYTES))).toString("hex");
  const erasable = {
    session_id: turn.sessionId,
    delivery_id: turn.deliveryId == null ? null : storable(turn.deliveryId),
    inbound_ids: JSON.stringify(turn.inboundIds),
    error: turn.error == null
      ? null
      : storable(redact(turn.error, turn.accountId).slice(0, MAX_ERROR_CHARS)),
  };
  const rest = saltedDigest(salt, rowJson(erasable, TURN_ERASABLE));
  const contentHmac = `${rest}.${saltedDigest(salt, turn.content)}`;
  return [
    append("turns", [turnStream(turn.accountId)], ([position]) => {
      const prevHash = position?.prevHash ?? "";
      const row = {
        id: turn.id,
        account_id: turn.accountId,
        agent_id: turn.agentId,
        channel: turn.channel,
        instance: turn.instance,
        binding_id: turn.bindingId,
        trigger: turn.trigger,
        envelope_id: turn.envelopeId ?? null,
        started_at_ms: turn.startedAtMs,
        finished_at_ms: turn.finishedAtMs,
        outcome: turn.outcome,
        attempts: turn.attempts,
        provider: turn.provider,
        model: turn.model,
        tokens_in: turn.tokensIn,
        tokens_out: turn.tokensOut,
        tokens_cached: turn.tokensCached,
        cost_micros: turn.costMicros,
        tool_calls: turn.toolCalls,
        // A clock that was set back must not make a turn take less than no time.
        duration_ms: Math.max(0, turn.finishedAtMs - turn.startedAtMs),
        trace_id: turn.traceId ?? null,
        session_id: erasable.session_id,
        delivery_id: erasable.delivery_id,
        inbound_ids: erasable.inbound_ids,
        error: erasable.error,
        offset: position?.offset ?? 1,
        content_salt: salt,
        content_hmac: contentHmac,
        prev_hash: prevHash,
        hash: "",
      };
      row.hash = hashRow(prevHash, row, TURN_HASHED);
      return { row, hash: row.hash };
    }),
  ];
}

/** Whether what a turn's row says of its erasable part still holds; an erased row must be empty there. */
export function erasablePartHolds(row: Row): boolean {
  const salt = row["content_salt"];
  if (salt === null) {
    return TURN_ERASABLE.every((name) => (row[name] ?? null) === TURN_TOMBSTONE[name]);
  }
  const [digest] = String(row["content_hmac"]).split(".");
  return saltedDigest(String(salt), rowJson(row, TURN_ERASABLE)) === digest;
}

/** Makes tombstones of a session's turns: nothing personal is left, and the chain still verifies. */
export function rowsForErasedTurns(
  { account, sessionId }: { account: string; sessionId: string },
): Write[] {
  return [eraseTurns("account_id = ? AND session_id = ?", [account, sessionId])];
}

/** The same for turns by their ids. */
export function rowsForErasedTurnsById(
  { account, ids }: { account: string; ids: readonly string[] },
): Write[] {
  return [eraseTurns("account_id = ? AND id IN (SELECT value FROM json_each(?))", [
    account,
    JSON.stringify(ids),
  ])];
}

function eraseTurns(where: string, args: readonly Value[]): Write {
  const set = TURN_ERASABLE.map((name) => `${name} = ?`).join(", ");
  const left = TURN_ERASABLE.map((name) => TURN_TOMBSTONE[name] ?? null);
  return statement(`UPDATE turns SET content_salt = NULL, ${set} WHERE ${where}`, [
    ...left,
    ...args,
  ]);
}

/** A tenant's turns, newest first; nothing for an unknown tenant. */
export function tailForAccount(
  store: Pick<Store, "read" | "readMany">,
  account: string,
  query: TurnQuery = {},
): Promise<TurnPage> {
  return tail(store, "offset", query, [["account_id = ?", account]]);
}

/** Everybody's turns, newest first, in the order they were written. */
export function tailForOperator(
  store: Pick<Store, "read" | "readMany">,
  query: TurnQuery = {},
): Promise<TurnPage> {
  return tail(store, "rowid", query, []);
}

/** Turns by their ids, whoever's they are; those that are not on record are left out. */
export async function findTurnsForOperator(
  store: Pick<Store, "readMany">,
  ids: readonly string[],
): Promise<TurnView[]> {
  if (ids.length === 0) return [];
  const marks = ids.map(() => "?").join(", ");
  return store.readMany<TurnView & Row>(
    `SELECT ${VIEW} FROM turns WHERE id IN (${marks}) ORDER BY id`,
    ids,
  );
}

type Condition = readonly [sql: string, arg: Value];

async function tail(
  store: Pick<Store, "read" | "readMany">,
  position: "offset" | "rowid",
  query: TurnQuery,
  conditions: readonly Condition[],
): Promise<TurnPage> {
  const limit = clampLimit(query.limit);
  const all: Condition[] = [...conditions];
  if (query.sinceMs !== undefined) all.push(["finished_at_ms >= ?", query.sinceMs]);
  if (query.agentId !== undefined) all.push(["agent_id = ?", query.agentId]);
  if (query.outcome !== undefined) all.push(["outcome = ?", query.outcome]);
  if (query.cursor !== undefined) all.push([`${position} < ?`, query.cursor]);
  const where = all.length === 0 ? "" : `WHERE ${all.map(([sql]) => sql).join(" AND ")}`;
  const found = await readPage<TurnView & Row & { position: number }>(
    store,
    limit,
    `SELECT ${VIEW}, ${position} AS position FROM turns ${where} ORDER BY ${position} DESC LIMIT ?`,
    [...all.map(([, arg]) => arg), limit],
  );
  const last = found.at(-1);
  return {
    turns: found.map(({ position: _position, ...view }) => view),
    ...(last !== undefined && found.length === limit ? { cursor: last.position } : {}),
  };
}

const VIEW =
  `id AS turn_id, account_id, agent_id, session_id, binding_id, channel, instance, trigger,
  envelope_id, delivery_id, outcome, error, tokens_in, tokens_out, tokens_cached, cost_micros,
  tool_calls, duration_ms, started_at_ms, finished_at_ms, provider, model, attempts, trace_id`;

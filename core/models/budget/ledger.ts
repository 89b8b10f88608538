/**
 * The ledger of model calls, and the sums of each day.
 *
 * @module
 */
import type { ErrorCode } from "../../contract/mod.ts";
import { bulk, insert, type Row, type Store, type Write } from "../../store/store.ts";
import type { ModelCaller, ModelRef, ModelUsage } from "../model.ts";

const DAY_MS = 86_400_000;
/** Calls that are closed in one commit at a start. */
const CLOSED_AT_ONCE = 200;

/** A call as it is entered. */
export interface LedgerCall extends Omit<ModelCaller, "commit">, ModelRef {
  readonly id: string;
  /** The most it can take. */
  readonly reservedTokens: number;
  readonly reservedMicros: number;
  readonly atMs: number;
}

/** How a call ended. `unknown`: the provider may have counted tokens and did not say how many. */
export type CallEnd =
  | { readonly state: "ok"; readonly usage: ModelUsage; readonly costMicros: number }
  | { readonly state: "failed"; readonly error: ErrorCode }
  | {
    readonly state: "unknown";
    readonly error: ErrorCode | null;
    readonly tokens: number;
    readonly micros: number;
  };

/** The day of a time, counted from the epoch in UTC. */
export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

/** Enters a call that is about to be made. */
export function rowsForOpened(call: LedgerCall): Write[] {
  return [insert("model_calls", rowOf(call, { state: "open" }, null))];
}

/** Ends a call that was entered. The unit fails when it has ended already. */
export function rowsForEnded(call: LedgerCall, end: CallEnd, endedAtMs: number): Write[] {
  const { inputTokens, outputTokens, cachedTokens, costMicros } = knownOf(end);
  return [
    bulk(
      `WITH given (id, state, error, tokens_in, tokens_out, tokens_cached, cost_micros, ended_at_ms)
         AS (VALUES $rows)
       UPDATE model_calls SET state = given.state, error = given.error,
         tokens_in = given.tokens_in, tokens_out = given.tokens_out,
         tokens_cached = given.tokens_cached, cost_micros = given.cost_micros,
         ended_at_ms = given.ended_at_ms
       FROM given WHERE model_calls.id = given.id AND model_calls.state = 'open'`,
      [[
        call.id,
        end.state,
        errorOf(end),
        inputTokens,
        outputTokens,
        cachedTokens,
        costMicros,
        endedAtMs,
      ]],
      "one each",
    ),
    addedUsage(call, end),
  ];
}

/** Enters a call that is over: for models that ask nobody, where a crash costs nothing. */
export function rowsForMade(call: LedgerCall, end: CallEnd, endedAtMs: number): Write[] {
  return [
    insert("model_calls", rowOf(call, end, endedAtMs)),
    addedUsage(call, end),
  ];
}

/**
 * Ends what an earlier process left open, as unknown: its provider may have been asked, so that what
 * was reserved counts as spent. Returns how many there were.
 */
export async function closeInterrupted(store: Store, nowMs: number): Promise<number> {
  const open = await store.readMany<OpenRow>(
    `SELECT id, account_id, agent_id, turn_id, provider, model, reserved_tokens, reserved_micros,
       at_ms FROM model_calls WHERE state = 'open'`,
  );
  for (let from = 0; from < open.length; from += CLOSED_AT_ONCE) {
    await store.commit(
      open.slice(from, from + CLOSED_AT_ONCE).flatMap((row) =>
        rowsForEnded(callOf(row), {
          state: "unknown",
          error: null,
          tokens: row.reserved_tokens,
          micros: row.reserved_micros,
        }, nowMs)
      ),
    );
  }
  return open.length;
}

interface OpenRow extends Row {
  readonly id: string;
  readonly account_id: string;
  readonly agent_id: string;
  readonly turn_id: string;
  readonly provider: string;
  readonly model: string;
  readonly reserved_tokens: number;
  readonly reserved_micros: number;
  readonly at_ms: number;
}

function callOf(row: OpenRow): LedgerCall {
  return {
    id: row.id,
    account: row.account_id,
    agentId: row.agent_id,
    turnId: row.turn_id,
    provider: row.provider,
    model: row.model,
    reservedTokens: row.reserved_tokens,
    reservedMicros: row.reserved_micros,
    atMs: row.at_ms,
  };
}

function rowOf(
  call: LedgerCall,
  end: CallEnd | { readonly state: "open" },
  endedAtMs: number | null,
): Row {
  const { inputTokens, outputTokens, cachedTokens, costMicros } = knownOf(end);
  return {
    id: call.id,
    account_id: call.account,
    agent_id: call.agentId,
    turn_id: call.turnId,
    provider: call.provider,
    model: call.model,
    state: end.state,
    error: errorOf(end),
    reserved_tokens: call.reservedTokens,
    reserved_micros: call.reservedMicros,
    tokens_in: inputTokens,
    tokens_out: outputTokens,
    tokens_cached: cachedTokens,
    cost_micros: costMicros,
    at_ms: call.atMs,
    ended_at_ms: endedAtMs,
  };
}

interface Known extends ModelUsage {
  readonly costMicros: number;
}

/** What is known of a call: nothing, unless it ended well. */
function knownOf(end: CallEnd | { readonly state: "open" }): Known {
  if (end.state !== "ok") return NOTHING;
  const { usage: { inputTokens, outputTokens, cachedTokens }, costMicros } = end;
  return { inputTokens, outputTokens, cachedTokens, costMicros };
}

const NOTHING: Known = { inputTokens: 0, outputTokens: 0, cachedTokens: 0, costMicros: 0 };

function errorOf(end: CallEnd | { readonly state: "open" }): ErrorCode | null {
  return "error" in end ? end.error : null;
}

const SUMS = [
  "calls",
  "failed_calls",
  "unknown_calls",
  "tokens_in",
  "tokens_out",
  "tokens_cached",
  "cost_micros",
  "unknown_tokens",
  "unknown_micros",
] as const;
/** Account, day, agent, provider, model. */
const USAGE_KEYS = 5;
const ADD_USAGE = `INSERT INTO usage (account_id, day, agent_id, provider, model, ${SUMS.join()})
  VALUES $rows
  ON CONFLICT DO UPDATE SET ${SUMS.map((sum) => `${sum} = ${sum} + excluded.${sum}`).join()}`;

function addedUsage(call: LedgerCall, end: CallEnd): Write {
  const { inputTokens, outputTokens, cachedTokens, costMicros } = knownOf(end);
  const unknown = end.state === "unknown" ? end : undefined;
  return bulk(
    ADD_USAGE,
    [[
      call.account,
      dayOf(call.atMs),
      call.agentId,
      call.provider,
      call.model,
      1,
      end.state === "failed" ? 1 : 0,
      unknown === undefined ? 0 : 1,
      inputTokens,
      outputTokens,
      cachedTokens,
      costMicros,
      unknown?.tokens ?? 0,
      unknown?.micros ?? 0,
    ]],
    "any",
    USAGE_KEYS,
  );
}

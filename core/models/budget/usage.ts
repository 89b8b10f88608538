/**
 * Reading what models used.
 *
 * @module
 */
import type { UsageView } from "../../contract/views/tenants.ts";
import type { Row, Store } from "../../store/store.ts";
import { dayOf } from "./ledger.ts";

const DAY_MS = 86_400_000;

/** What was spent against budgets on one day by one agent, the unknown included. */
export interface SpentRow extends Row {
  readonly day: number;
  readonly agent_id: string;
  readonly tokens: number;
  readonly micros: number;
}

/** A tenant's spending from `sinceDay` on, for its budgets. */
export function readSpent(store: Store, account: string, sinceDay: number): Promise<SpentRow[]> {
  return store.readMany<SpentRow>(
    `SELECT day, agent_id, SUM(tokens_in + tokens_out + unknown_tokens) AS tokens,
       SUM(cost_micros + unknown_micros) AS micros
     FROM usage WHERE account_id = ? AND day >= ? GROUP BY day, agent_id`,
    [account, sinceDay],
  );
}

/** What an operator asks of the usage. */
export interface UsageQuery {
  /** Absent: all tenants. */
  readonly account?: string | undefined;
  /** From the UTC day this lies in. */
  readonly sinceMs: number;
  /** Up to the UTC day this lies in, that day included; absent: without an end. */
  readonly untilMs?: number | undefined;
  readonly by: "day" | "agent" | "model";
}

/** See {@linkcode UsageView}. */
export interface UsageRow extends UsageView, Row {}

const KEYS = {
  day: ["day"],
  agent: ["agent_id"],
  model: ["provider", "model"],
} as const;

/** Usage of one tenant or, for operators, of all. */
export async function readUsage(store: Store, query: UsageQuery): Promise<UsageRow[]> {
  const { account, sinceMs, untilMs = Number.MAX_SAFE_INTEGER, by } = query;
  const keys: readonly string[] = KEYS[by];
  const shown = ["day", "agent_id", "provider", "model"].map((key) =>
    keys.includes(key) ? key : `NULL AS ${key}`
  );
  const rows = await store.readMany<Omit<UsageRow, "day"> & { day: number | null }>(
    `SELECT account_id, ${shown.join()}, SUM(calls) AS calls, SUM(failed_calls) AS failed_calls,
       SUM(unknown_calls) AS unknown_calls, SUM(tokens_in) AS tokens_in,
       SUM(tokens_out) AS tokens_out, SUM(tokens_cached) AS tokens_cached,
       SUM(cost_micros) AS cost_micros, SUM(unknown_tokens) AS unknown_tokens,
       SUM(unknown_micros) AS unknown_micros
     FROM usage WHERE day BETWEEN ? AND ?${account === undefined ? "" : " AND account_id = ?"}
     GROUP BY account_id, ${keys.join()} ORDER BY account_id, ${keys.join()}`,
    [dayOf(sinceMs), dayOf(untilMs), ...(account === undefined ? [] : [account])],
  );
  return rows.map((row) => ({
    ...row,
    day: row.day === null ? null : new Date(row.day * DAY_MS).toISOString().slice(0, 10),
  } as UsageRow));
}

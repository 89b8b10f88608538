/**
 * The table `escalations`: what agents asked people to look at, and what became of it.
 *
 * @module
 */
import type {
  EscalationReason,
  EscalationState,
  EscalationUrgency,
  ResolvedBy,
} from "../contract/mod.ts";
import { insert, type Row, statement, type Store, type Value, type Write } from "../store/store.ts";
import {
  type Scope,
  scopeColumns,
  scopeKey,
  scopeOfRow,
  type ScopeRow,
  wireScope,
} from "./scopes.ts";

/** A request for a person. Texts are redacted. */
export interface Escalation {
  readonly id: string;
  readonly scope: Scope;
  readonly summary: string;
  readonly reason: EscalationReason;
  readonly urgency: EscalationUrgency;
  readonly context: unknown;
  readonly requestedAtMs: number;
  /** When somebody should have looked. */
  readonly dueAtMs: number;
}

/** An escalation as a table row. */
export interface EscalationRow extends Row, ScopeRow {
  id: string;
  scope_key: string;
  state: "pending" | "resolved";
  summary: string;
  reason: EscalationReason;
  urgency: EscalationUrgency;
  context: string | null;
  requested_at_ms: number;
  due_at_ms: number | null;
  resolved_at_ms: number | null;
  resolved_by: ResolvedBy["kind"] | null;
  dismiss_reason: string | null;
}

/** Which escalations to list. */
export interface EscalationQuery {
  readonly accounts: "all" | readonly string[];
  readonly state: "pending" | "resolved" | "all";
  readonly agentId?: string | undefined;
  readonly kind?: string | undefined;
  readonly before?: { readonly requestedAtMs: number; readonly id: string } | undefined;
  readonly limit: number;
}

/** Rows of a request; `conflict` when one of the scope is pending already. */
export function rowsForEscalation(escalation: Escalation): Write[] {
  const { id, scope, summary, reason, urgency, context, requestedAtMs, dueAtMs } = escalation;
  return [insert("escalations", {
    ...scopeColumns(scope),
    id,
    state: "pending",
    summary,
    reason,
    urgency,
    context: context === undefined ? null : JSON.stringify(context),
    requested_at_ms: requestedAtMs,
    due_at_ms: dueAtMs,
    overdue_at_ms: null,
    resolved_at_ms: null,
    resolved_by: null,
    dismiss_reason: null,
    operator_hash: null,
  })];
}

/** Rows that resolve a pending escalation; `conflict` when it is no longer pending. */
export function rowsForResolved(
  { account_id: account, id }: Pick<EscalationRow, "account_id" | "id">,
  by: { readonly kind: ResolvedBy["kind"]; readonly reason: string | null; readonly hash: string },
  nowMs: number,
): Write[] {
  return [statement(
    `UPDATE escalations SET state = 'resolved', resolved_at_ms = ?, resolved_by = ?,
       dismiss_reason = ?, operator_hash = ?
     WHERE account_id = ? AND id = ? AND state = 'pending'`,
    [nowMs, by.kind, by.reason, by.hash, account, id],
    1,
  )];
}

/** Rows that note that an escalation is overdue; `conflict` when that was noted or it is resolved. */
export function rowsForOverdue(
  { account_id: account, id }: Pick<EscalationRow, "account_id" | "id">,
  nowMs: number,
): Write[] {
  return [statement(
    `UPDATE escalations SET overdue_at_ms = ?
     WHERE account_id = ? AND id = ? AND state = 'pending' AND overdue_at_ms IS NULL`,
    [nowMs, account, id],
    1,
  )];
}

/** The pending escalation of a scope. */
export async function pendingOf(
  store: Pick<Store, "read">,
  scope: Scope,
): Promise<EscalationRow | undefined> {
  const [row] = await store.read<EscalationRow>(
    "SELECT * FROM escalations WHERE account_id = ? AND scope_key = ? AND state = 'pending'",
    [scope.account, scopeKey(scope)],
  );
  return row;
}

/** The pending escalations of some scopes of a tenant, by scope. */
export async function pendingByScope(
  store: Pick<Store, "readMany">,
  account: string,
  scopes: readonly Scope[],
): Promise<ReadonlyMap<string, EscalationRow>> {
  if (scopes.length === 0) return new Map();
  const rows = await store.readMany<EscalationRow>(
    `SELECT * FROM escalations WHERE account_id = ? AND state = 'pending'
       AND scope_key IN (${scopes.map(() => "?").join(", ")})`,
    [account, ...scopes.map(scopeKey)],
  );
  return new Map(rows.map((row) => [row.scope_key, row]));
}

/** When the newest requests of a scope were made, newest first, at most `limit`. */
export async function requestTimes(
  store: Pick<Store, "read">,
  scope: Scope,
  limit: number,
): Promise<number[]> {
  const rows = await store.read<{ requested_at_ms: number }>(
    `SELECT requested_at_ms FROM escalations WHERE account_id = ? AND scope_key = ?
     ORDER BY requested_at_ms DESC LIMIT ?`,
    [scope.account, scopeKey(scope), limit],
  );
  return rows.map(({ requested_at_ms }) => requested_at_ms);
}

/** Whether a request has been made under this id. */
export async function isRequested(
  store: Pick<Store, "read">,
  account: string,
  id: string,
): Promise<boolean> {
  const rows = await store.read("SELECT 1 AS x FROM escalations WHERE account_id = ? AND id = ?", [
    account,
    id,
  ]);
  return rows.length > 0;
}

/** Pending escalations nobody was reminded of, of all tenants, the one due first in front. */
export function unremindedForOperator(
  store: Pick<Store, "read">,
  limit: number,
): Promise<EscalationRow[]> {
  return store.read<EscalationRow>(
    `SELECT * FROM escalations WHERE state = 'pending' AND overdue_at_ms IS NULL
       AND due_at_ms IS NOT NULL ORDER BY due_at_ms LIMIT ?`,
    [limit],
  );
}

/** Escalations, newest first; the tenants are a condition of the query, not of its result. */
export function listEscalations(
  store: Pick<Store, "readMany">,
  { accounts, state, agentId, kind, before, limit }: EscalationQuery,
): Promise<EscalationRow[]> {
  const conditions: [string, ...Value[]][] = [];
  if (accounts !== "all") {
    conditions.push([`account_id IN (${accounts.map(() => "?").join(", ")})`, ...accounts]);
  }
  if (state !== "all") conditions.push(["state = ?", state]);
  if (agentId !== undefined) conditions.push(["agent_id = ?", agentId]);
  if (kind !== undefined) conditions.push(["kind = ?", kind]);
  if (before !== undefined) {
    conditions.push(["(requested_at_ms, id) < (?, ?)", before.requestedAtMs, before.id]);
  }
  const where = conditions.map(([sql]) => sql).join(" AND ");
  return store.readMany<EscalationRow>(
    `SELECT * FROM escalations ${where === "" ? "" : `WHERE ${where}`}
     ORDER BY requested_at_ms DESC, id DESC LIMIT ?`,
    [...conditions.flatMap(([, ...args]) => args), limit],
  );
}

/** What has become of an escalation, as the wire says it. */
export function wireEscalation(row: EscalationRow): EscalationState {
  const scope = wireScope(scopeOfRow(row));
  if (row.state === "pending") {
    return {
      state: "pending",
      scope,
      summary: row.summary,
      reason: row.reason,
      urgency: row.urgency,
      ...(row.context === null ? {} : { context: JSON.parse(row.context) }),
      requested_at_ms: row.requested_at_ms,
      ...(row.due_at_ms === null ? {} : { due_at_ms: row.due_at_ms }),
    };
  }
  return {
    state: "resolved",
    scope,
    resolved_at_ms: row.resolved_at_ms ?? 0,
    by: wireResolvedBy(row.resolved_by ?? "agent_resolved", row.dismiss_reason),
  };
}

/** How an escalation ended, as the wire says it. */
export function wireResolvedBy(kind: ResolvedBy["kind"], reason: string | null): ResolvedBy {
  return kind === "operator_dismissed" ? { kind, reason: reason ?? "" } : { kind };
}

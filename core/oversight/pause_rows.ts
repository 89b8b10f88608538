/**
 * The table `processing`: one row for each pause.
 *
 * @module
 */
import { insert, type Row, statement, type Store, type Write } from "../store/store.ts";
import type { Operator, Pause } from "./pauses.ts";
import { type Scope, scopeColumns, scopeKey, scopeOfRow, type ScopeRow } from "./scopes.ts";

/** Rows that begin a pause; a scope that is paused already is a `conflict`, or stays as it is. */
export function rowsForPaused(pause: Pause, onConflict?: "ignore"): Write[] {
  return [insert("processing", {
    ...scopeColumns(pause.scope),
    pause_id: pause.id,
    paused_at_ms: pause.pausedAtMs,
    operator_hash: pause.operator.hash,
    operator_name: pause.operator.name,
    reason: pause.reason,
    lease_until_ms: pause.leaseUntilMs,
    acted_at_ms: pause.actedAtMs,
    auto_resume_ms: pause.autoResumeMs,
    alerted_at_ms: pause.alertedAtMs,
    revision: 0,
  }, onConflict)];
}

/** Rows that note an act of the operator; `conflict` when the pause is over or another's by now. */
export function rowsForActed(pause: Pause, by: Operator, act: {
  readonly atMs: number;
  readonly leaseUntilMs: number;
}): Write[] {
  return [statement(
    `UPDATE processing SET operator_hash = ?, operator_name = ?, lease_until_ms = ?,
       acted_at_ms = ?, alerted_at_ms = NULL
     WHERE account_id = ? AND scope_key = ? AND pause_id = ? AND operator_hash = ?
       AND operator_name IS ?`,
    [
      by.hash,
      by.name,
      act.leaseUntilMs,
      act.atMs,
      ...identity(pause),
      pause.operator.hash,
      pause.operator.name,
    ],
    1,
  )];
}

/** Rows that note a message put behind the pause; `conflict` when the pause is over. */
export function rowsForPassed(pause: Pause): Write[] {
  return [statement(
    "UPDATE processing SET revision = revision + 1 WHERE account_id = ? AND scope_key = ? AND pause_id = ?",
    identity(pause),
    1,
  )];
}

/** Rows that note that somebody was told of a forgotten pause; `conflict` when it is over. */
export function rowsForAlerted(pause: Pause, nowMs: number): Write[] {
  return [statement(
    `UPDATE processing SET alerted_at_ms = ?
     WHERE account_id = ? AND scope_key = ? AND pause_id = ? AND alerted_at_ms IS NULL`,
    [nowMs, ...identity(pause)],
    1,
  )];
}

/** Rows that end a pause; `conflict` when it is over, or something was put behind it since `revision`. */
export function rowsForResumed(pause: Pause, revision: number): Write[] {
  return [statement(
    "DELETE FROM processing WHERE account_id = ? AND scope_key = ? AND pause_id = ? AND revision = ?",
    [...identity(pause), revision],
    1,
  )];
}

/** How often something was put behind a pause; undefined when it is over. */
export async function revisionOf(
  store: Pick<Store, "read">,
  pause: Pause,
): Promise<number | undefined> {
  const [row] = await store.read<{ revision: number }>(
    "SELECT revision FROM processing WHERE account_id = ? AND scope_key = ? AND pause_id = ?",
    identity(pause),
  );
  return row?.revision;
}

interface PauseRow extends Row, ScopeRow {
  pause_id: string;
  paused_at_ms: number;
  operator_hash: string;
  operator_name: string | null;
  reason: string | null;
  lease_until_ms: number;
  acted_at_ms: number;
  auto_resume_ms: number | null;
  alerted_at_ms: number | null;
}

/** The pause of a scope. */
export async function readPause(
  store: Pick<Store, "read">,
  scope: Scope,
): Promise<Pause | undefined> {
  const [row] = await store.read<PauseRow>(
    "SELECT * FROM processing WHERE account_id = ? AND scope_key = ?",
    [scope.account, scopeKey(scope)],
  );
  return row && pauseOf(row);
}

/** Every pause of every tenant: what a start has to know before anything runs. */
export async function readPausesForOperator(store: Pick<Store, "readMany">): Promise<Pause[]> {
  const rows = await store.readMany<PauseRow>("SELECT * FROM processing");
  return rows.map(pauseOf);
}

function pauseOf(row: PauseRow): Pause {
  return {
    scope: scopeOfRow(row),
    id: row.pause_id,
    pausedAtMs: row.paused_at_ms,
    operator: { hash: row.operator_hash, name: row.operator_name },
    reason: row.reason,
    leaseUntilMs: row.lease_until_ms,
    actedAtMs: row.acted_at_ms,
    autoResumeMs: row.auto_resume_ms,
    alertedAtMs: row.alerted_at_ms,
  };
}

function identity({ scope, id }: Pause): [string, string, string] {
  return [scope.account, scopeKey(scope), id];
}

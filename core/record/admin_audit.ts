/**
 * The admin audit: what was about to be done, and what came of it, chained per tenant.
 *
 * @module
 */
import type { AuditView } from "../contract/views/audit.ts";
import { OPERATOR_STREAM } from "../events/event_rows.ts";
import { clampLimit, readPage } from "../events/page.ts";
import { append, type Row, type Store, type Value, type Write } from "../store/store.ts";
import { hashRow, sortedNames } from "./hash.ts";
import { storable } from "./storable.ts";

/** An admin call before it runs. */
export interface AuditIntent {
  readonly id: string;
  /** The tenant the call was resolved to; absent for calls that belong to none. */
  readonly account?: string | undefined;
  readonly microappId: string;
  /** Who asked, when a token says so. */
  readonly subject?: string | undefined;
  readonly method: string;
  /** `(unknown_method)` for a method that does not exist. */
  readonly capability: string;
  /** See `argsHash`. */
  readonly argsHash: string;
  readonly atMs: number;
}

/** What came of an {@linkcode AuditIntent}. */
export interface AuditOutcome {
  readonly id: string;
  readonly result: "ok" | "error" | "denied";
  /** The JSON-RPC code of an error. */
  readonly errorCode?: number | undefined;
  readonly durationMs: number;
  readonly atMs: number;
}

/** Columns that the hash covers. */
export const AUDIT_HASHED = sortedNames([
  "id",
  "account_id",
  "offset",
  "phase",
  "intent_id",
  "microapp_id",
  "subject",
  "method",
  "capability",
  "args_hash",
  "tenant_id",
  "at_ms",
  "result",
  "error_code",
  "duration_ms",
  "prev_hash",
]);

/** The stream of an account's admin calls. */
export function auditStream(account: string): string {
  return `audit:${account}`;
}

/** The row that must be on disk before the call runs. */
export function rowsForIntent(intent: AuditIntent): Write[] {
  return auditWrites(intent, {
    id: intent.id,
    phase: "intent",
    at_ms: intent.atMs,
    result: null,
    error_code: null,
    duration_ms: null,
  });
}

/** The row that says how a call ended. */
export function rowsForOutcome(intent: AuditIntent, outcome: AuditOutcome): Write[] {
  return auditWrites(intent, {
    id: outcome.id,
    phase: "outcome",
    at_ms: outcome.atMs,
    result: outcome.result,
    error_code: outcome.errorCode ?? null,
    duration_ms: outcome.durationMs,
  });
}

function auditWrites(intent: AuditIntent, phase: Row): Write[] {
  const account = intent.account ?? OPERATOR_STREAM;
  const fixed: Row = {
    account_id: account,
    intent_id: intent.id,
    microapp_id: storable(intent.microappId),
    subject: intent.subject === undefined ? null : storable(intent.subject),
    method: storable(intent.method),
    capability: storable(intent.capability),
    args_hash: intent.argsHash,
    tenant_id: intent.account ?? null,
    ...phase,
  };
  return [append("admin_audit", [auditStream(account)], ([position]) => {
    const prevHash = position?.prevHash ?? "";
    const row = { offset: position?.offset ?? 1, prev_hash: prevHash, hash: "", ...fixed };
    row.hash = hashRow(prevHash, row, AUDIT_HASHED);
    return { row, hash: row.hash };
  })];
}

/** What {@linkcode tailAudit} may ask for. */
export interface AuditQuery {
  readonly microappId?: string | undefined;
  /** Exact. */
  readonly method?: string | undefined;
  readonly result?: AuditView["result"] | undefined;
  /** Only calls that were resolved to this tenant. */
  readonly tenant?: string | undefined;
  /** Calls that began at or after this time. */
  readonly sinceMs?: number | undefined;
  /** 1 to 1000. @default {50} */
  readonly limit?: number | undefined;
  /** From the page before. */
  readonly cursor?: AuditCursor | undefined;
  /** Whether to tell who called. @default {false} */
  readonly forOperator?: boolean | undefined;
}

/** Where a page of calls ended. */
export interface AuditCursor {
  readonly atMs: number;
  readonly id: string;
}

/** Calls, newest first. */
export interface AuditPage {
  readonly calls: AuditView[];
  /** Give it back for the next page; absent after the last. */
  readonly cursor?: AuditCursor;
}

/** Admin calls with their outcomes, newest first. */
export async function tailAudit(
  store: Pick<Store, "read" | "readMany">,
  query: AuditQuery = {},
): Promise<AuditPage> {
  const limit = clampLimit(query.limit);
  const { where, args } = conditionsOf(query);
  const found = await readPage<AuditRow>(
    store,
    limit,
    `SELECT i.id, i.microapp_id, i.method, i.capability, i.args_hash, i.at_ms, i.tenant_id,
       i.subject, o.result, o.duration_ms
     FROM admin_audit AS i
     LEFT JOIN admin_audit AS o ON o.intent_id = i.id AND o.phase = 'outcome'
     WHERE ${where} ORDER BY i.at_ms DESC, i.id DESC LIMIT ?`,
    [...args, limit],
  );
  const last = found.at(-1);
  return {
    calls: found.map((row) => ({
      ...viewOf(row),
      ...(query.forOperator === true ? { id: row.id, subject: row.subject } : {}),
    })),
    ...(last !== undefined && found.length === limit
      ? { cursor: { atMs: last.at_ms, id: last.id } }
      : {}),
  };
}

function conditionsOf(query: AuditQuery): { where: string; args: Value[] } {
  const where = ["i.phase = 'intent'"];
  const args: Value[] = [];
  const add = (sql: string, ...values: Value[]): void => {
    where.push(sql);
    args.push(...values);
  };
  if (query.microappId !== undefined) add("i.microapp_id = ?", query.microappId);
  if (query.method !== undefined) add("i.method = ?", query.method);
  if (query.result === "unknown") add("o.id IS NULL");
  else if (query.result !== undefined) add("o.result = ?", query.result);
  if (query.tenant !== undefined) add("i.account_id = ?", query.tenant);
  if (query.sinceMs !== undefined) add("i.at_ms >= ?", query.sinceMs);
  if (query.cursor !== undefined) {
    add("(i.at_ms, i.id) < (?, ?)", query.cursor.atMs, query.cursor.id);
  }
  return { where: where.join(" AND "), args };
}

interface AuditRow extends Row {
  id: string;
  microapp_id: string;
  method: string;
  capability: string;
  args_hash: string;
  at_ms: number;
  tenant_id: string | null;
  subject: string | null;
  result: "ok" | "error" | "denied" | null;
  duration_ms: number | null;
}

function viewOf(row: AuditRow): AuditView {
  return {
    microapp_id: row.microapp_id,
    method: row.method,
    capability: row.capability,
    args_hash: row.args_hash,
    started_at_ms: row.at_ms,
    result: row.result ?? "unknown",
    duration_ms: row.duration_ms,
    ...(row.tenant_id === null ? {} : { tenant_id: row.tenant_id }),
  };
}

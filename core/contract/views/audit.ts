/**
 * The audit as it is shown: admin calls, and whether their chains hold.
 *
 * @module
 */

/** An admin call as the command line and the admin RPC show it. */
export interface AuditView {
  readonly microapp_id: string;
  readonly method: string;
  readonly capability: string;
  readonly args_hash: string;
  readonly started_at_ms: number;
  /** `unknown` when no outcome was written: the call is under way, or the process ended during it. */
  readonly result: "ok" | "error" | "denied" | "unknown";
  readonly duration_ms: number | null;
  readonly tenant_id?: string;
  /** Only for operators. */
  readonly id?: string;
  /** Whose token it was, when an operator called; only for operators. */
  readonly subject?: string | null;
}

/** One as operators see it. */
export type OperatorAuditView = AuditView & Required<Pick<AuditView, "id" | "subject">>;

/** Where the next page of calls begins. */
export interface AuditCursor {
  readonly at_ms: number;
  readonly id: string;
}

/** A chain that was walked. */
export interface ChainView {
  readonly account: string;
  readonly table: "turns" | "admin_audit";
  readonly ok: boolean;
  /** Rows that were read. */
  readonly rows: number;
  /** At most 100. */
  readonly problems: readonly { readonly offset: number; readonly problem: string }[];
}

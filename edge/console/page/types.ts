/**
 * Core's answers as the pages use them.
 *
 * @module
 */

/** A row of `inbox/list`. */
export interface DeliveryRow {
  readonly envelope_id: string;
  readonly account_id: string;
  readonly source_id: string;
  readonly event_kind: string;
  readonly subject: string;
  readonly delivery_id: string | null;
  readonly state: string;
  readonly attempts: number;
  readonly received_at_ms: number;
  /** What the source checks; null for a source that is not configured any more. */
  readonly verified_by: string | null;
}

/** A row of `turns/tail`. */
export interface TurnRow {
  readonly turn_id: string;
  readonly account_id: string;
  readonly agent_id: string;
  readonly session_id: string;
  readonly binding_id: string;
  readonly trigger: string;
  readonly envelope_id: string | null;
  readonly delivery_id: string | null;
  readonly outcome: "ok" | "error" | "refused";
  readonly error: string | null;
  readonly tokens_in: number;
  readonly tokens_out: number;
  readonly tool_calls: number;
  readonly duration_ms: number;
  readonly started_at_ms: number;
  readonly finished_at_ms: number;
  readonly provider: string;
  readonly model: string;
  readonly attempts: number;
}

/** A row of `dlq/list`. */
export interface DeadLetterRow {
  readonly id: string;
  readonly account_id: string;
  readonly kind: string;
  readonly ref_id: string;
  readonly source: string;
  readonly code: string;
  readonly detail: string;
  readonly at_ms: number;
  readonly replayed_at_ms: number | null;
}

/** An entry of `GET /console/refusals`. */
export interface RefusalRow {
  readonly source_id: string;
  readonly status: number;
  readonly code: string;
  readonly reason: string;
  readonly client_ip: string | null;
  readonly request_id: string;
  readonly at_ms: number;
}

/** `inbox/story`. */
export interface DeliveryStory {
  readonly delivery: DeliveryRow;
  readonly replayed_from: string | null;
  readonly steps: readonly {
    readonly inbound_id: string;
    readonly agent_id: string;
    readonly state: string;
    readonly starts: number;
    readonly next_at_ms: number;
    readonly turn: TurnRow | null;
  }[];
  readonly dead_letters: readonly Pick<
    DeadLetterRow,
    "id" | "code" | "detail" | "at_ms" | "replayed_at_ms"
  >[];
}

/** `turns/story`. */
export interface TurnStory {
  readonly turn: TurnRow;
  readonly tool_calls: readonly {
    readonly call_id: string;
    readonly tool: string;
    readonly microapp_id: string | null;
    readonly arguments: unknown;
    readonly result: unknown;
    readonly outcome: string;
    readonly limit: { readonly rps: number; readonly burst: number } | null;
    readonly duration_ms: number;
    readonly at_ms: number;
  }[];
  readonly model_calls: readonly {
    readonly id: string;
    readonly provider: string;
    readonly model: string;
    readonly state: string;
    readonly error: string | null;
    readonly tokens_in: number;
    readonly tokens_out: number;
    readonly cost_micros: number;
    readonly at_ms: number;
    readonly ended_at_ms: number | null;
  }[];
  readonly entries: readonly {
    readonly seq: number;
    readonly role: string;
    readonly body: string;
    readonly sent_at_ms: number;
  }[];
  readonly sends: readonly {
    readonly id: string;
    readonly channel: string;
    readonly instance: string;
    readonly state: string;
    readonly attempts: number;
    readonly created_at_ms: number;
    readonly sent_at_ms: number | null;
  }[];
}

/** An entry of `ext/status`. */
export interface MicroappRow {
  readonly id: string;
  readonly version: string;
  readonly state: string;
  readonly reason: string | null;
  readonly pid: number | null;
  readonly restarts: number;
  readonly sandbox: string | null;
  readonly sandbox_notes: readonly string[];
  readonly http:
    | { readonly state: string; readonly url: string; readonly reason: string | null }
    | null;
  readonly tools: readonly { readonly name: string }[];
  readonly hooks: readonly string[];
  readonly grants: readonly string[];
  readonly stderr: readonly string[];
}

/** A row of `tenants/overview`. */
export interface TenantRow {
  readonly account_id: string;
  readonly display_name: string;
  readonly active: boolean;
  readonly agents: readonly string[];
  readonly tokens_today: number;
  readonly tokens_month: number;
  readonly cost_micros_month: number;
  readonly budgets: readonly BudgetRow[];
}

/** One budget of a tenant. */
export interface BudgetRow {
  readonly name: string;
  readonly agent_id: string | null;
  readonly used: number;
  readonly limit: number;
  readonly resets_at_ms: number;
}

/** A row of `usage/list`. */
export interface UsageRow {
  readonly day: string | null;
  readonly provider: string | null;
  readonly model: string | null;
  readonly calls: number;
  readonly failed_calls: number;
  readonly tokens_in: number;
  readonly tokens_out: number;
  readonly cost_micros: number;
}

/** A row of `channels/health`. */
export interface LineRow {
  readonly channel: string;
  readonly instance: string;
  readonly account_id: string | null;
  readonly agents: readonly string[];
  readonly state: string;
  readonly reason: string | null;
  readonly webhook_path: string | null;
  readonly credential: {
    readonly account_id: string;
    readonly registered_by: string | null;
    readonly registered_at_ms: number;
  } | null;
  readonly waiting: number;
  readonly retrying: number;
  readonly oldest_waiting_ms: number | null;
  readonly last_turn_ms: number | null;
  readonly last_sent_ms: number | null;
  readonly last_failed_ms: number | null;
}

/** A row of `audit/tail`. */
export interface AuditRow {
  readonly id: string;
  readonly microapp_id: string;
  readonly subject: string | null;
  readonly method: string;
  readonly capability: string;
  readonly args_hash: string;
  readonly started_at_ms: number;
  readonly result: string;
  readonly duration_ms: number | null;
  readonly tenant_id?: string;
}

/** Where the next page of `audit/tail` begins. */
export interface AuditCursor {
  readonly at_ms: number;
  readonly id: string;
}

/** A chain of `audit/verify`. */
export interface ChainRow {
  readonly account: string;
  readonly table: string;
  readonly ok: boolean;
  readonly rows: number;
  readonly problems: readonly { readonly offset: number; readonly problem: string }[];
}

/** An entry of `doctor`. */
export interface FindingRow {
  readonly area: string;
  readonly level: "ok" | "warning" | "error";
  readonly subject: string;
  readonly message: string;
  readonly fix: string | null;
}

/** A problem of `config/overview`. */
export interface ProblemRow {
  readonly severity: "error" | "warning";
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly fix: string;
}

/** `config/overview`. */
export interface ConfigRow {
  readonly version: number;
  readonly dir: string;
  readonly problems: readonly ProblemRow[];
  readonly refused: readonly ProblemRow[] | null;
  readonly reloads: { readonly applied: number; readonly rejected: number };
}

/** An entry of `doctor/capabilities`. */
export interface ToggleRow {
  readonly extension: string;
  readonly env_var: string;
  readonly state: string;
  readonly raw_value: string | null;
  readonly value: boolean | number | null;
  readonly effect: string;
}

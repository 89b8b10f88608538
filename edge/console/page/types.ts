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
    readonly duration_ms: number;
    readonly at_ms: number;
  }[];
  readonly entries: readonly {
    readonly seq: number;
    readonly role: string;
    readonly body: string;
    readonly sent_at_ms: number;
  }[];
  readonly reply_state: string | null;
}

/** An entry of `ext/status`. */
export interface MicroappRow {
  readonly id: string;
  readonly version: string;
  readonly state: string;
  readonly reason: string | null;
  readonly pid: number | null;
  readonly restarts: number;
  readonly sandbox: string;
  readonly tools: readonly { readonly name: string }[];
  readonly hooks: readonly string[];
  readonly grants: readonly string[];
  readonly stderr: readonly string[];
}

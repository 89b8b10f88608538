/**
 * Turns as operators are shown them.
 *
 * @module
 */

/** A turn as the command line and the admin RPC show it. */
export interface TurnView {
  readonly turn_id: string;
  readonly account_id: string;
  readonly agent_id: string;
  readonly session_id: string;
  readonly binding_id: string;
  readonly channel: string;
  readonly instance: string;
  readonly trigger: string;
  readonly envelope_id: string | null;
  readonly delivery_id: string | null;
  readonly outcome: "ok" | "error" | "refused";
  readonly error: string | null;
  readonly tokens_in: number;
  readonly tokens_out: number;
  readonly tokens_cached: number;
  readonly cost_micros: number;
  readonly tool_calls: number;
  readonly duration_ms: number;
  readonly started_at_ms: number;
  readonly finished_at_ms: number;
  readonly provider: string;
  readonly model: string;
  readonly attempts: number;
  /** Its trace in OpenTelemetry; null when none was made. */
  readonly trace_id: string | null;
}

/** A finished turn with everything it did; texts and arguments are redacted. */
export interface TurnStory {
  readonly turn: TurnView;
  readonly tool_calls: readonly {
    readonly call_id: string;
    readonly tool: string;
    readonly microapp_id: string | null;
    readonly arguments: unknown;
    readonly result: unknown;
    readonly outcome: string;
    /** What holds for it now on this binding; null is no limit. */
    readonly limit: { readonly rps: number; readonly burst: number } | null;
    readonly duration_ms: number;
    /** When it began. */
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
    readonly tokens_cached: number;
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
  /** What it sent, as far as each message has come. */
  readonly sends: readonly {
    readonly id: string;
    readonly channel: string;
    readonly instance: string;
    readonly state: "queued" | "sent" | "dead";
    readonly attempts: number;
    readonly created_at_ms: number;
    readonly sent_at_ms: number | null;
  }[];
}

/**
 * Lines of channels as operators are shown them.
 *
 * @module
 */

/** A line of a channel: who answers on it, and whether it can hear and send. */
export interface LineView {
  readonly channel: string;
  readonly instance: string;
  /** Null when nothing says whose it is. */
  readonly account_id: string | null;
  readonly agents: readonly string[];
  readonly state: "ready" | "failing" | "unanswered" | "off";
  /** Why it is not ready, or what it tries again though it counts as ready. */
  readonly reason: string | null;
  /** Where its provider sends to; null when it does not over HTTP. */
  readonly webhook_path: string | null;
  /** What was registered for it; null when its secrets are in files, or it needs none. */
  readonly credential: {
    readonly account_id: string;
    /** Null for an operator. */
    readonly registered_by: string | null;
    readonly registered_at_ms: number;
  } | null;
  /** Messages on their way out, those of them that failed before, and since when the oldest waits. */
  readonly waiting: number;
  readonly retrying: number;
  readonly oldest_waiting_ms: number | null;
  /** Newest of each among recent events; null when there is none. */
  readonly last_turn_ms: number | null;
  readonly last_sent_ms: number | null;
  readonly last_failed_ms: number | null;
}

/**
 * Deliveries as operators are shown them, and what could not be finished.
 *
 * @module
 */
import type { TurnView } from "./turns.ts";

/** A delivery without its body. */
export interface DeliveryView {
  readonly envelope_id: string;
  readonly account_id: string;
  readonly source_id: string;
  readonly event_kind: string;
  readonly subject: string;
  readonly delivery_id: string | null;
  readonly state: "queued" | "done" | "unmatched" | "dead";
  readonly attempts: number;
  readonly received_at_ms: number;
  /** What the edge checked of it; null for a source that is not configured now. */
  readonly verified_by: string | null;
}

/** Something that was given up. */
export interface DeadLetterView {
  readonly id: string;
  readonly account_id: string;
  readonly kind: "inbox" | "inbound" | "outbox";
  /** The row of that table. */
  readonly ref_id: string;
  /** The source, agent or channel it was for. */
  readonly source: string;
  readonly code: string;
  /** Redacted. */
  readonly detail: string;
  readonly at_ms: number;
  readonly replayed_at_ms: number | null;
}

/** One message a delivery became, with the turn over it once that has ended. */
export interface DeliveryStep {
  readonly inbound_id: string;
  readonly agent_id: string;
  readonly session_id: string;
  readonly state: "queued" | "running" | "done" | "dead";
  /** Turns over it that failed, and turns over it that were started. */
  readonly attempts: number;
  readonly starts: number;
  readonly next_at_ms: number;
  readonly turn_id: string | null;
  readonly turn: TurnView | null;
}

/** A delivery without its body: what it became, and what went wrong. */
export interface DeliveryStory {
  readonly delivery: DeliveryView;
  /** The delivery this one repeats by an operator's wish. */
  readonly replayed_from: string | null;
  readonly steps: readonly DeliveryStep[];
  readonly dead_letters: readonly Pick<
    DeadLetterView,
    "id" | "code" | "detail" | "at_ms" | "replayed_at_ms"
  >[];
}

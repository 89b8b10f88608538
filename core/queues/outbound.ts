/**
 * A message on its way out, from what its writer says to what is left to send.
 *
 * @module
 */
import type { OutboundBody } from "../contract/mod.ts";
import type { Row, Write } from "../store/store.ts";

/** Where a message goes and why. */
export interface Outbound {
  /** Stands for (turn, step): the same step cannot send twice. */
  readonly id: string;
  readonly account_id: string;
  readonly agent_id: string;
  readonly session_id: string;
  readonly channel: string;
  readonly instance: string;
  readonly contact: string;
  readonly turn_id: string | null;
  readonly body: OutboundBody;
  /** After this time it is not sent any more, in milliseconds since the epoch. */
  readonly expires_at_ms: number;
  /** Whose words they are; a pause stops the agent's only. @default {"agent"} */
  readonly author?: "agent" | "operator" | "core";
}

/** A conversation, or all of a binding or agent. */
export interface OutboundScope {
  readonly account: string;
  readonly agentId: string;
  readonly channel?: string | undefined;
  readonly instance?: string | undefined;
  readonly contact?: string | undefined;
}

/** An unsent message without its text: all the delivery lanes need. */
export interface OpenOutbound extends Row {
  id: string;
  account_id: string;
  session_id: string;
  next_at_ms: number;
  created_at_ms: number;
  /** The span that queued it, when there is one. */
  traceparent: string | null;
}

/** An unsent message with how far it came. */
export interface UnsentOutbound extends Outbound {
  /** Tries that failed. */
  readonly attempts: number;
  /** When a try began whose end nobody saw: the process died in it. */
  readonly unsureSinceMs: number | null;
}

/** Messages on their way to disk, and what the delivery needs once they are there. */
export interface QueuedOutbound {
  readonly writes: readonly Write[];
  readonly items: readonly OpenOutbound[];
}

/**
 * A message that leaves with a commit of whoever wrote it: queued in it, or sent by it. Agents ask for one
 * and the delivery makes it, neither knowing the other.
 */
export interface Departure {
  readonly writes: readonly Write[];
  /**
   * Has `commit` write them and sees to the rest. To be called without awaiting anything before: that the
   * message may be sent holds for this moment only.
   */
  readonly goWith: (commit: () => Promise<void>) => Promise<void>;
}

/** Lets a message leave; `nowMs` is when its writer says it. */
export type Depart = (outbound: Outbound, nowMs: number) => Departure;

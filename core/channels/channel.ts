/**
 * What every channel is to the rest: a canonical message in, a canonical send out.
 *
 * @module
 */
import type { ConversationKey } from "../contract/mod.ts";
import type { Outbound } from "../queues/outbox.ts";

/** A message from a person, its conversation and tenant resolved at ingress. */
export interface ChannelMessage {
  readonly key: ConversationKey;
  readonly text: string;
  readonly senderId: string | null;
  /** The provider's id of the message; the same one is accepted once. */
  readonly msgId: string | null;
  readonly replyToMsgId: string | null;
  /** Milliseconds since the epoch, as the provider says. */
  readonly sentAtMs: number;
}

/** What became of a send. */
export type SendResult =
  /** The provider has it; `receipt` is its id of the message. */
  | { readonly kind: "sent"; readonly receipt: string | null }
  /** Try again, not before `afterMs` milliseconds from now when given. */
  | { readonly kind: "retry"; readonly reason: string; readonly afterMs?: number }
  | { readonly kind: "permanent"; readonly reason: string };

/** One channel's way out. */
export interface Channel {
  /** `webchat`, `telegram`, … */
  readonly id: string;
  readonly send: (outbound: Outbound, options: { signal: AbortSignal }) => Promise<SendResult>;
}

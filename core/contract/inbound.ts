/**
 * One message for an agent, whatever it came from.
 *
 * @module
 */
import { z } from "zod";
import { EventSourceMeta, InboundKind } from "./binding.ts";
import { AccountId, AgentId, Uuid } from "./ids.ts";
import { ChatKind, MessagePart, ReplyAddress } from "./message.ts";

/** Channels without a person: events, schedules, and what agents hand to each other. */
export const INNER_CHANNELS: readonly string[] = ["event", "timer", "delegation"];

/** What makes a conversation: the unit of order, history and takeover. */
export const ConversationKey = z.strictObject({
  account_id: AccountId,
  agent_id: AgentId,
  /** `webchat`, `telegram`, …, or `event` for subscribers. */
  channel: z.string().min(1),
  /** The bot or line of the channel; for events the subscriber's id. */
  instance: z.string().min(1),
  /** The person or chat; for events the session key. */
  contact: z.string().min(1).max(512),
});
/** See {@linkcode ConversationKey}. */
export type ConversationKey = z.infer<typeof ConversationKey>;

/** From whom an agent was handed a task. */
export const Delegation = z.strictObject({
  /** The conversations it came through, the first one's first; the last is the caller's. */
  callers: z.array(ConversationKey).min(1),
  /** The caller's session. */
  origin_session_id: Uuid,
});
/** See {@linkcode Delegation}. */
export type Delegation = z.infer<typeof Delegation>;

/**
 * A message in the queue of its conversation, its tenant resolved once and for ever. Sealed on disk,
 * so members may only be added with a default.
 */
export const Inbound = z.strictObject({
  id: Uuid,
  key: ConversationKey,
  /** `channel` messages coalesce; all others are a turn of their own. */
  trigger: z.enum(["channel", "event", "timer", "delegation"]),
  kind: InboundKind,
  /** What the model reads; for channel messages it follows from `parts`. */
  text: z.string(),
  /** Whether `text` was written by the operator's template around untrusted values. */
  templated: z.boolean(),
  sender_id: z.string().nullable(),
  /** As the sender calls themselves; never an identity. */
  sender_name: z.string().nullable().default(null),
  /** What a channel message is made of; empty for all others. */
  parts: z.array(MessagePart).default([]),
  chat: ChatKind.default("direct"),
  /** The message this one is a new version of. */
  edit_of_msg_id: z.string().nullable().default(null),
  /** Where the answer goes, captured when the message came in; null means the contact. */
  reply_address: ReplyAddress.nullable().default(null),
  /** The channel's own message id; unique within (channel, instance, contact). */
  msg_id: z.string().nullable(),
  reply_to_msg_id: z.string().nullable(),
  /** Milliseconds since the epoch: when the person or provider sent it. */
  sent_at_ms: z.int().nonnegative(),
  event_source: EventSourceMeta.nullable(),
  /** Set on tasks from another agent. */
  delegation: Delegation.optional(),
  /** The inbox row it came from. */
  envelope_id: Uuid.nullable(),
  delivery_id: z.string().nullable(),
  /** Subscribers passed on the way here. */
  hops: z.int().nonnegative(),
  /** Set once its words are in the transcript, though no turn has answered them. */
  on_record: z.literal(true).optional(),
});
/** See {@linkcode Inbound}. */
export type Inbound = z.infer<typeof Inbound>;

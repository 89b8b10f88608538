/**
 * What every channel is to the rest: a canonical message in, a canonical send out.
 *
 * @module
 */
import type {
  ChatKind,
  ConversationKey,
  Envelope,
  MessagePart,
  OutboundBody,
  ReplyAddress,
  SourceInput,
} from "../contract/mod.ts";
import type { Outbound } from "../queues/outbox.ts";

/** What a channel reads out of a provider's event; whose it is and who answers it is not its business. */
export interface HeardMessage {
  /** What makes a conversation: the chat, or a thread in it; never its sender alone when it is a group. */
  readonly contact: string;
  readonly chat: ChatKind;
  /** At least one. */
  readonly parts: readonly MessagePart[];
  readonly sender: { readonly id: string; readonly name: string | null } | null;
  /** The provider's id of the message; the same one of a contact is accepted once. */
  readonly msgId: string | null;
  readonly replyToMsgId: string | null;
  /** The message this one is a new version of; `msgId` is then one of the version. */
  readonly editOf: string | null;
  /** Whether our own side wrote it elsewhere: it is no question, and nobody answers it. */
  readonly fromMe: boolean;
  /** Where the answer goes; null means the contact. */
  readonly replyAddress: ReplyAddress | null;
  /** Milliseconds since the epoch, as the provider says. */
  readonly sentAtMs: number;
}

/** A message from a person, its conversation and tenant resolved at ingress. */
export interface ChannelMessage extends Omit<HeardMessage, "contact"> {
  readonly key: ConversationKey;
}

/** What a provider says later of something that was sent. */
export interface Receipt {
  /** The provider's id of the message, as a send returned it. */
  readonly msgId: string;
  readonly status: "delivered" | "read" | "failed";
  readonly reason: string | null;
  readonly atMs: number;
}

/** Everything in one event of a provider. */
export interface Heard {
  readonly messages: readonly HeardMessage[];
  readonly receipts: readonly Receipt[];
}

/** What became of a send. */
export type SendResult =
  /** The provider has it; `receipt` is its id of the message. */
  | { readonly kind: "sent"; readonly receipt: string | null }
  /**
   * Try again, not before `afterMs` milliseconds from now when given; `wide` when that holds for every
   * conversation of the instance, as rate limits do.
   */
  | {
    readonly kind: "retry";
    readonly reason: string;
    readonly afterMs?: number;
    readonly wide?: boolean;
  }
  /** Nobody can send now; it is no attempt, and the time to live goes on. */
  | { readonly kind: "not_ready"; readonly reason: string }
  /** The provider refuses the credentials: no message of the instance can be sent until they change. */
  | { readonly kind: "auth"; readonly reason: string }
  | { readonly kind: "permanent"; readonly reason: string };

/** How one instance's provider reaches us over HTTP: a source, its address and secret left to core. */
export interface ChannelWebhook {
  /** The source, as an operator would write one; without id, path and secret. */
  readonly source: Omit<SourceInput, "id" | "path" | "secret_env">;
  /** Null when it is missing; the address then answers 503 and says so to operators. */
  readonly secret: string | null;
  /** What a handshake must bring, where the provider makes one. */
  readonly verifyToken: string | null;
}

/** One channel. What only some can do is left out by the others. */
export interface Channel {
  /** `webchat`, `telegram`, … */
  readonly id: string;
  /** Most UTF-16 code units of one text; longer ones are sent in pieces. */
  readonly textLimit: number;
  /** Tries once; resolves also when the provider refuses. */
  readonly send: (outbound: Outbound, options: { signal: AbortSignal }) => Promise<SendResult>;
  /** How the provider of an instance reaches us; undefined when it does not over HTTP. */
  readonly webhookOf?: (instance: string) => ChannelWebhook | undefined;
  /** Reads one verified event. Nothing in it is trusted; what it does not know, it leaves out. */
  readonly hear?: (envelope: Envelope, instance: string) => Heard;
  /**
   * A link that opens the instance for a person and brings `parameter` (at most 64 of `A-Za-z0-9_-`) with
   * their first message; undefined when the instance has none.
   */
  readonly linkTo?: (instance: string, parameter: string) => Promise<string | undefined>;
  /** Which kinds of body it can send; the others are refused before they are kept. */
  readonly sends: ReadonlySet<OutboundBody["kind"]>;
}

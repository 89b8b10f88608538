/**
 * What every channel is to the rest: a canonical message in, a canonical send out.
 *
 * @module
 */
import type {
  ChatKind,
  ConversationKey,
  Envelope,
  Inbound,
  MessagePart,
  OutboundBody,
  ReplyAddress,
  SourceInput,
} from "../contract/mod.ts";
import type { Outbound } from "../queues/outbound.ts";
import type { Write } from "../store/store.ts";
import type { FetchedMedia } from "./media/fetch_media.ts";

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
  /** Our own id of it, where the provider gives it back. */
  readonly outboundId: string | null;
  readonly status: "sent" | "delivered" | "read" | "failed";
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
  /** It failed and may work again, not before `afterMs` milliseconds from now when given. */
  | { readonly kind: "retry"; readonly reason: string; readonly afterMs?: number }
  /**
   * The provider takes no more for now; it is no attempt. `wide` when that holds for every conversation
   * of the instance.
   */
  | {
    readonly kind: "limited";
    readonly reason: string;
    readonly afterMs: number;
    readonly wide: boolean;
  }
  /** The provider refuses the credentials: nothing of the instance can be sent until they change. */
  | { readonly kind: "auth"; readonly reason: string }
  | { readonly kind: "permanent"; readonly reason: string }
  | NotReady;

/** Nobody can send now; nothing was tried. The time a message may wait goes on. */
export interface NotReady {
  readonly kind: "not_ready";
  readonly reason: string;
}

/** How one instance's provider reaches us over HTTP: a source, its address and secret left to core. */
export interface ChannelWebhook {
  /** The source, as an operator would write one; without id, path and secret. */
  readonly source: Omit<SourceInput, "id" | "path" | "secret_env">;
  /** Null when it is missing; the address then answers 503 and says so to operators. */
  readonly secret: string | null;
  /** What a handshake must bring, where the provider makes one. */
  readonly verifyToken: string | null;
}

/** How the work of an instance's own stands; while it goes on there is no answer. */
export type Attendance =
  /** Done, until settings or credentials change. */
  | { readonly kind: "attended" }
  | { readonly kind: "failed" | "auth" | "not_ready"; readonly reason: string };

/** A rate of sends. */
export interface SendRate {
  readonly perSec: number;
  /** Sends that may go at once. */
  readonly burst: number;
}

/** One channel. What only some can do is left out by the others. */
export interface Channel {
  /** `webchat`, `telegram`, … */
  readonly id: string;
  /**
   * Whether the same message may be sent a second time when nobody knows how the first try ended:
   * there is an id by which the provider or the reader's program drops the repetition. Otherwise the
   * message becomes a dead letter, to be replayed by whoever has looked.
   */
  readonly repeats: boolean;
  /**
   * Whether receipts bring our own id back, also of what a killed process sent: such a message is waited
   * for before nobody knows what became of it.
   */
  readonly confirms?: boolean;
  /** Loads what sending needs; resolves with why nobody can send, or with nothing. */
  readonly ready?: (instance: string) => Promise<NotReady | undefined>;
  /** How fast an instance may send; undefined means as fast as it goes. */
  readonly rateOf?: (instance: string) => SendRate | undefined;
  /** Tries once; resolves also when the provider refuses. */
  readonly send: (outbound: Outbound, options: { signal: AbortSignal }) => Promise<SendResult>;
  /** How the provider of an instance reaches us; undefined when it does not over HTTP. */
  readonly webhookOf?: (instance: string) => ChannelWebhook | undefined;
  /**
   * An instance's own work: telling the provider our address, or fetching what came. Resolves when
   * nothing is left to do or it cannot go on, and is started again then; rejects when `signal` aborts.
   */
  readonly attend?: (instance: string, signal: AbortSignal) => Promise<Attendance>;
  /** Reads one verified event. Nothing in it is trusted; what it does not know, it leaves out. */
  readonly hear?: (envelope: Envelope, instance: string) => Heard | Promise<Heard>;
  /**
   * A link that opens the instance for a person and brings `parameter` (at most 64 of `A-Za-z0-9_-`) with
   * their first message; undefined when the instance has none.
   */
  readonly linkTo?: (instance: string, parameter: string) => Promise<string | undefined>;
  /** Fetches the file of a media part. @throws when it cannot be had */
  readonly fetchPart?: (
    ref: string,
    instance: string,
    options: { signal: AbortSignal },
  ) => Promise<FetchedMedia>;
  /** Rows of its own, to be committed with a message that came in without a provider. */
  readonly rowsForHeard?: (inbound: Inbound, sessionId: string) => Write[];
  /** Rows of its own, to be committed with the row that says that a message was sent. */
  readonly rowsForSent?: (outbound: Outbound, sentAtMs: number) => Write[];
  /**
   * Where a message is delivered by its rows: whoever it is for reads those of `rowsForSent` here, so their
   * commit is the send, and nobody is asked. Returns the receipt of a message that goes so, perhaps in
   * the commit that queues it; such a channel is always ready, and has no rate.
   */
  readonly deliverByRows?: (outbound: Outbound) => string | null;
  /** How long its sign that somebody is typing lasts, in milliseconds. @default {5000} */
  readonly typingMs?: number;
  /** Which kinds of body it can send; the others are refused before they are kept. */
  readonly sends: ReadonlySet<OutboundBody["kind"]>;
}

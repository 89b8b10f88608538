/**
 * What takeover and escalation stand on.
 *
 * @module
 */
import type { Clock, ConversationKey, OutboundBody } from "../contract/mod.ts";
import type { RowsForEvents } from "../events/event_rows.ts";
import type { Log } from "../flow/log.ts";
import type { DeadLetters } from "../queues/dead_letters.ts";
import type { Inbounds, OpenInbound } from "../queues/inbounds.ts";
import type { Inbox } from "../queues/inbox.ts";
import type { OpenOutbound } from "../queues/outbound.ts";
import type { Outbox } from "../queues/outbox.ts";
import type { RowsForTranscript } from "../record/transcript_rows.ts";
import type { Redactor } from "../redact/redactor.ts";
import type { Settings } from "../settings/settings.ts";
import type { Store } from "../store/store.ts";

/** The sends of a tenant that a channel has already been asked for. */
export interface SendsUnderWay {
  /** Rows of the outbox. */
  readonly ids: ReadonlySet<string>;
  /** Resolves when the channel has answered all of them. */
  readonly settled: Promise<void>;
}

/** Rows of the record, made by its own rooms. */
export interface OversightRows {
  readonly transcript: RowsForTranscript;
  readonly events: RowsForEvents;
}

/** What every part of this room may need. */
export interface OversightDeps {
  readonly settings: () => Settings;
  readonly store: Pick<Store, "commit" | "read" | "readMany">;
  readonly inbounds: Inbounds;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly deadLetters: DeadLetters;
  readonly rows: OversightRows;
  readonly sessionIdOf: (key: ConversationKey) => string;
  /** Messages that wait in one conversation; 0 keeps none. */
  readonly pendingCap: number;
  /** Whether there is such a channel, and it sends bodies of a kind. */
  readonly canSend: (channel: string, kind: OutboundBody["kind"]) => boolean;
  /** Sends rows that are on disk. */
  readonly send: (items: readonly OpenOutbound[]) => void;
  /** Schedules messages that are on disk. */
  readonly schedule: (items: readonly OpenInbound[]) => void;
  readonly sendsUnderWay: (account: string) => SendsUnderWay;
  /** Lets messages that wait for their next try look again whether they may go. */
  readonly wakeSends: (account: string) => void;
  readonly redact: Redactor;
  readonly uuid: () => string;
  readonly now: Clock;
  readonly log: Log;
}

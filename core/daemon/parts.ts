/**
 * What stands on store and vault: queues, record, events, redaction.
 *
 * @module
 */
import type { RecordRows } from "../agents/record_rows.ts";
import {
  type AgentEvent,
  type Clock,
  createUuids,
  messageOf,
  type Random,
} from "../contract/mod.ts";
import { createEventLog, type EventLog } from "../events/event_log.ts";
import { OPERATOR_STREAM, rowsForEvents } from "../events/event_rows.ts";
import { textLimitOf } from "../channels/registry.ts";
import type { Log } from "../flow/log.ts";
import { type ChatLog, createChatLog } from "../queues/chat_log.ts";
import { createDeadLetters, type DeadLetters } from "../queues/dead_letters.ts";
import { createInbounds, type Inbounds } from "../queues/inbounds.ts";
import { createInbox, type Inbox } from "../queues/inbox.ts";
import { createMutes, type Mutes } from "../queues/mutes.ts";
import { createOutbox, type Outbox } from "../queues/outbox.ts";
import { createTurnSteps, type TurnSteps } from "../queues/turn_steps.ts";
import { createMedia, type Media } from "../record/media.ts";
import { createTranscriptSearch, type TranscriptSearch } from "../record/search.ts";
import { createTranscripts, type Transcripts } from "../record/transcripts.ts";
import type { Redactor } from "../redact/redactor.ts";
import type { Settings } from "../settings/settings.ts";
import type { Store } from "../store/store.ts";
import type { Vault } from "../vault/vault.ts";
import { createRecordRows } from "./record.ts";
import { createLiveRedactor } from "./redaction.ts";

/** The parts, ready to be handed to those who need them. */
export interface Parts {
  readonly uuid: () => string;
  readonly redact: Redactor;
  readonly inbox: Inbox;
  readonly inbounds: Inbounds;
  readonly outbox: Outbox;
  readonly chatLog: ChatLog;
  readonly deadLetters: DeadLetters;
  readonly media: Media;
  readonly steps: TurnSteps;
  readonly mutes: Mutes;
  readonly transcripts: Transcripts;
  readonly search: TranscriptSearch;
  readonly rows: RecordRows;
  readonly events: EventLog;
  /** Puts an event that belongs to no tenant on record. */
  readonly recordEvent: (event: AgentEvent) => void;
  /** Puts a microapp's change of state on record. */
  readonly recordState: (event: AgentEvent & { kind: "microapp_state" }) => void;
}

/** Builds the parts. */
export function createParts(
  { store, vault, settings, redact = createLiveRedactor(settings), random, now, log }: {
    store: Store;
    vault: Vault;
    settings: () => Settings;
    /** @default one that follows the settings */
    redact?: Redactor;
    random: Random;
    now: Clock;
    log: Log;
  },
): Parts {
  const isIndexed = () => settings().transcripts.fts.enabled;
  const transcripts = createTranscripts({
    store,
    redact,
    sealer: vault,
    modelHistory: () => settings().transcripts.model_history,
    isIndexed,
  });
  function recordEvent(event: AgentEvent): void {
    store.commit(rowsForEvents({ account: OPERATOR_STREAM, events: [event] })).catch(
      (error: unknown) =>
        log.warn("event.unrecorded", { kind: event.kind, error: messageOf(error) }),
    );
  }
  return {
    uuid: createUuids({ now, random }),
    redact,
    inbox: createInbox({ store, sealer: vault }),
    inbounds: createInbounds({ store, sealer: vault }),
    outbox: createOutbox({ store, sealer: vault, textLimitOf }),
    chatLog: createChatLog({ store, sealer: vault }),
    deadLetters: createDeadLetters({ store }),
    media: createMedia({ store, sealer: vault, now }),
    steps: createTurnSteps({ store, sealer: vault }),
    mutes: createMutes({ store }),
    transcripts,
    search: createTranscriptSearch({ store, isIndexed }),
    rows: createRecordRows({ transcripts, redact, random }),
    events: createEventLog({ store, log }),
    recordEvent,
    recordState(event) {
      const { reason } = event;
      recordEvent(reason === undefined ? event : { ...event, reason: redact(reason) });
    },
  };
}

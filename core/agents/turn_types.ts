/**
 * What a turn is given and what it gives back.
 *
 * @module
 */
import type { Clock, ConversationKey, Inbound } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import type { Soon } from "../flow/soon.ts";
import type { Host } from "../microapps/host.ts";
import type { DeadLetters } from "../queues/dead_letters.ts";
import type { Inbounds } from "../queues/inbounds.ts";
import type { Inbox } from "../queues/inbox.ts";
import type { Mutes } from "../queues/mutes.ts";
import type { Depart } from "../queues/outbound.ts";
import type { TurnSteps } from "../queues/turn_steps.ts";
import type { AskModel } from "../models/model.ts";
import type { Redactor } from "../redact/redactor.ts";
import type { Files } from "./files.ts";
import type { Past } from "./past.ts";
import type { RecordRows } from "./record_rows.ts";
import type { ReadSkills } from "./skills.ts";
import type { Settings } from "../settings/settings.ts";
import type { Store, Write } from "../store/store.ts";
import type { ToolLimits } from "../limits/tool_limits.ts";
import type { Tool } from "./tool_gate.ts";
import type { SchemaCheck } from "./tool_schema.ts";

/** A turn to run: which messages, and how often it was tried. */
export interface TurnJob {
  /** Stays the same over all runs of the turn. */
  readonly turnId: string;
  readonly account: string;
  /** Oldest first; more than one only for coalesced channel messages. */
  readonly inboundIds: readonly string[];
  /** Earlier runs that failed. */
  readonly attempts: number;
  /** Earlier runs, also those a crash interrupted, as far as they left a trace. */
  readonly starts: number;
  /** Whether an earlier process may have begun it and left no trace of that. @default {false} */
  readonly recovered?: boolean;
  /** At most so many milliseconds, when somebody waits for no longer. */
  readonly limitMs?: number;
}

/** The messages of a turn: at least one, oldest first. */
export type TurnInbounds = readonly [Inbound, ...Inbound[]];

/** How a run ended. */
export type TurnResult =
  | {
    readonly kind: "finished";
    readonly turnId: string;
    readonly outcome: "ok" | "error" | "refused";
    readonly error: string | null;
    readonly reply: string | null;
  }
  | { readonly kind: "retry"; readonly nextAtMs: number }
  /** The tenant or the agent is switched off: nothing was done, and the messages wait. */
  | { readonly kind: "parked" }
  /** A person has the conversation: the messages wait behind the pause. */
  | { readonly kind: "held" };

/** What stands between a turn and a conversation that a person has taken over. */
export interface Takeover {
  /** Whether a person has it; true also while nobody can tell. */
  readonly holds: (key: ConversationKey) => boolean;
  /**
   * Puts messages behind the pause in one commit with `writes`; false, and nothing written, when the
   * pause is over. From then on what people said counts as on record.
   */
  readonly hold: (inbounds: readonly Inbound[], writes: readonly Write[]) => Promise<boolean>;
}

/** What the door says of a message from a person. */
export type Admission =
  | { readonly kind: "admit" }
  /** It was for the door alone; `text` answers it, and holds `code` where it gives one. */
  | { readonly kind: "answer"; readonly text: string; readonly code?: string }
  | { readonly kind: "drop"; readonly reason: string };

/** What a turn needs. */
export interface TurnDeps {
  readonly settings: () => Settings;
  readonly store: Store;
  readonly inbox: Inbox;
  readonly inbounds: Inbounds;
  readonly deadLetters: DeadLetters;
  readonly steps: TurnSteps;
  readonly rows: RecordRows;
  /** The past of a session, as its model knows it. */
  readonly history: (session: {
    readonly account: string;
    readonly agentId: string;
    readonly sessionId: string;
    /** Messages needed at most. */
    readonly limit: number;
    /** Whether everything after the last summary is needed, so that it can be summed up. */
    readonly whole?: boolean;
    /** Ids of messages to leave out: those the turn is about. */
    readonly except?: readonly string[];
  }) => Promise<Past>;
  readonly takeover: Takeover;
  readonly ask: AskModel;
  readonly skills: ReadSkills;
  readonly tools: () => readonly Tool[];
  readonly check: SchemaCheck;
  readonly take: ToolLimits["take"];
  readonly hooks: Pick<Host, "hasHooks" | "runHook">;
  readonly mutes: Mutes;
  /**
   * Whether whoever wrote may be answered. The same turn gets the same answer again, so what an answer
   * leaves behind may only be written after `settle`, which puts on disk that this turn is under way.
   */
  readonly admit: (
    inbounds: TurnInbounds,
    turnId: string,
    settle: () => Soon<void>,
  ) => Promise<Admission>;
  /** What the messages brought beside text. */
  readonly files: Files;
  /** Shows whoever wrote that an answer is on its way, until disposed. */
  readonly typing: (inbound: Inbound, turnId: string) => Disposable;
  /** Whether replies on this channel are sent; event turns have nobody to send to. */
  readonly sends: (channel: string) => boolean;
  /** Lets a reply leave with the commit that ends its turn. */
  readonly depart: Depart;
  readonly redact: Redactor;
  readonly uuid: () => string;
  readonly now: Clock;
  readonly log: Log;
}

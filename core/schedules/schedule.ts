/**
 * What happens at a time, and how far it has come.
 *
 * @module
 */
import { z } from "zod";
import {
  ChatKind,
  ConversationKey,
  type Misfire,
  ReplyAddress,
  type Timetable,
} from "../contract/mod.ts";

/** The most schedules one tenant has. */
export const MAX_SCHEDULES = 1_000;

/** Where a schedule comes from: an agent's own tool, or the config. */
export type ScheduleKind = "reminder" | "heartbeat" | "poller";
/** Whether it runs; a `done` one has no time left, an `errored` one waits for a person. */
export type ScheduleState = "active" | "paused" | "done" | "errored";

/** What a reminder says, and in which conversation. */
export const ReminderNote = z.strictObject({
  key: ConversationKey,
  text: z.string(),
  chat: ChatKind,
  /** Where the answers of this conversation go; null means the contact. */
  reply_address: ReplyAddress.nullable(),
});
/** See {@linkcode ReminderNote}. */
export type ReminderNote = z.infer<typeof ReminderNote>;

/** What a schedule is. */
export interface ScheduleSpec {
  readonly id: string;
  readonly account: string;
  readonly kind: ScheduleKind;
  /** The job's id, `heartbeat`, or what a reminder is about, redacted. */
  readonly name: string;
  readonly agentId: string;
  /** The conversation of a reminder. */
  readonly sessionId: string | null;
  readonly timetable: Timetable;
  readonly misfire: Misfire;
  /** A time this much late is not made up for, in milliseconds. */
  readonly maxDelayMs: number;
  /** The most a time is put off, in milliseconds. */
  readonly jitterMs: number;
}

/** A schedule and its state. Times are milliseconds since the epoch. */
export interface Schedule extends ScheduleSpec {
  readonly state: ScheduleState;
  /** The first time not dealt with yet; null when there is none. */
  readonly nextAtMs: number | null;
  /** When to look at it; null for never. */
  readonly wakeAtMs: number | null;
  /** Whether it shall run once out of turn. */
  readonly forced: boolean;
  /** The newest time that was dealt with. */
  readonly lastSlotMs: number | null;
  /** The message that time became. */
  readonly lastInboundId: string | null;
  readonly lastRunAtMs: number | null;
  readonly lastStatus: string | null;
  /** Redacted. */
  readonly lastError: string | null;
  readonly consecutiveErrors: number;
  readonly itemsSeen: number;
  readonly itemsDispatched: number;
  /** When somebody was last told that it fails. */
  readonly alertedAtMs: number | null;
  readonly createdAtMs: number;
}

/**
 * Which times of a schedule to keep now, and which comes next. Pure.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Misfire, Timetable } from "../contract/mod.ts";
import { timeAfter, timesBetween } from "../settings/timetable.ts";

/** How late a time of a `skip` schedule may be kept, in milliseconds. */
export const GRACE_MS = 60_000;
/** The most times of an `all` schedule that are made up for. */
const MAX_KEPT = 100;
/** When what was kept last lies this far ahead, the clock was wrong then, in milliseconds. */
const WRONG_CLOCK_MS = 86_400_000;

/** What planning looks at. */
export interface Planned {
  readonly id: string;
  readonly timetable: Timetable;
  readonly misfire: Misfire;
  /** A time this much late is not made up for, in milliseconds. */
  readonly maxDelayMs: number;
  /** The most a time is put off, in milliseconds. */
  readonly jitterMs: number;
  /** The first time not dealt with yet. */
  readonly nextAtMs: number;
}

/** What to do now. */
export interface Plan {
  /** Times to keep, oldest first. */
  readonly keep: readonly number[];
  /** Whether there are times since then that will not be kept. */
  readonly missedAny: boolean;
  /** Undefined when no time is left. */
  readonly nextAtMs: number | undefined;
}

/** The plan of a schedule whose next time has come. */
export function planOf(schedule: Planned, nowMs: number): Plan {
  const { timetable, misfire, maxDelayMs, jitterMs, nextAtMs } = schedule;
  const allowedMs = jitterMs + (misfire === "skip" ? GRACE_MS : maxDelayMs);
  const passed = timesBetween(timetable, nextAtMs, nowMs, misfire === "all" ? MAX_KEPT : 1);
  const keep = passed.filter((timeMs) => nowMs - timeMs <= allowedMs);
  return {
    keep,
    missedAny: keep[0] !== nextAtMs,
    nextAtMs: timeAfter(timetable, nowMs, nextAtMs),
  };
}

/** When to look at a schedule whose next time is `nextAtMs`: the same for the same time, for ever. */
export function wakeAtMs(id: string, nextAtMs: number, jitterMs: number): number {
  if (jitterMs === 0) return nextAtMs;
  const digest = createHash("sha256").update(`${id} ${nextAtMs}`).digest();
  return nextAtMs + Math.floor(digest.readUInt32BE(0) / 2 ** 32 * jitterMs);
}

/**
 * The next time after the clock was set back; undefined when the one it has is right.
 *
 * Intervals are counted anew. Times of a calendar come again: those that were kept stay kept, unless
 * the clock had been wrong by more than a day.
 */
export function nextAfterSetBack(
  { timetable, nextAtMs, lastSlotMs }: Pick<Planned, "timetable" | "nextAtMs"> & {
    readonly lastSlotMs: number | null;
  },
  nowMs: number,
): number | undefined {
  if ("at" in timetable) return undefined;
  if ("every_secs" in timetable) {
    const laterMs = nowMs + timetable.every_secs * 1_000;
    return nextAtMs > laterMs ? laterMs : undefined;
  }
  if (lastSlotMs !== null && lastSlotMs <= nowMs + WRONG_CLOCK_MS) return undefined;
  const next = timeAfter(timetable, nowMs, nowMs);
  return next !== undefined && next < nextAtMs ? next : undefined;
}

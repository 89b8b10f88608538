/**
 * The times of a timetable: which comes next, and which have passed. Pure; the clock is the caller's.
 *
 * @module
 */
import { Cron } from "croner";
import { messageOf, type Timetable } from "../contract/mod.ts";

/** Why a timetable cannot be followed; undefined when it can. */
export function timetableProblem(timetable: Timetable): string | undefined {
  if (!("cron" in timetable)) return undefined;
  const { cron, tz } = timetable;
  const fields = cron.split(/\s+/).length;
  if (fields !== 5 && fields !== 6) {
    return `cron "${cron}" must have 5 fields, or 6 with seconds first`;
  }
  try {
    new Intl.DateTimeFormat("en", { timeZone: tz ?? "UTC" });
  } catch {
    return `"${tz}" is no IANA time zone, such as Europe/Berlin`;
  }
  try {
    return cronOf(cron, tz).nextRun(new Date(0)) === null
      ? `cron "${cron}" names no time that ever comes`
      : undefined;
  } catch (error) {
    return `cron "${cron}" cannot be read: ${messageOf(error).replace(/^CronPattern: /, "")}`;
  }
}

/**
 * The first time after `afterMs`; undefined when there is none. `anchorMs` is a time of an interval:
 * its times lie whole intervals away.
 */
export function timeAfter(
  timetable: Timetable,
  afterMs: number,
  anchorMs: number,
): number | undefined {
  if ("at" in timetable) {
    const atMs = Date.parse(timetable.at);
    return atMs > afterMs ? atMs : undefined;
  }
  if ("every_secs" in timetable) {
    const everyMs = timetable.every_secs * 1_000;
    return anchorMs + everyMs * (Math.floor((afterMs - anchorMs) / everyMs) + 1);
  }
  return cronOf(timetable.cron, timetable.tz).nextRun(new Date(afterMs))?.getTime();
}

/** The newest times in [`fromMs`, `toMs`], oldest first, at most `most`; `fromMs` is one of them. */
export function timesBetween(
  timetable: Timetable,
  fromMs: number,
  toMs: number,
  most: number,
): number[] {
  if (fromMs > toMs) return [];
  if ("at" in timetable) return [fromMs];
  if ("every_secs" in timetable) {
    const everyMs = timetable.every_secs * 1_000;
    const count = Math.floor((toMs - fromMs) / everyMs) + 1;
    const kept = Math.min(count, most);
    return Array.from({ length: kept }, (_, i) => fromMs + (count - kept + i) * everyMs);
  }
  const cron = cronOf(timetable.cron, timetable.tz);
  const times: number[] = [];
  let before = new Date(toMs + 1_000 - toMs % 1_000); // it looks at whole seconds, and before this one
  while (times.length < most) {
    const [time] = cron.previousRuns(1, before);
    if (time === undefined || time.getTime() < fromMs) break;
    times.push(time.getTime());
    before = time;
  }
  return times.reverse();
}

/** Expressions that were read already; few differ. */
const known = new Map<string, Cron>();
const MAX_KNOWN = 1_000;

function cronOf(pattern: string, timezone = "UTC"): Cron {
  const key = `${timezone} ${pattern}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const cron = new Cron(pattern, { timezone, paused: true, mode: "5-or-6-parts" });
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(key, cron);
  return cron;
}

/**
 * Times as people type them.
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import { DurationMs } from "../contract/config/units.ts";

/** A date, a time, or how long ago; in milliseconds since the epoch. */
export function moment(text: string): number {
  const ago = DurationMs.safeParse(text);
  const ms = ago.success ? Date.now() - ago.data : isDate(text) ? Date.parse(text) : NaN;
  if (!Number.isFinite(ms) || ms < 0) {
    throw new InvalidArgumentError("must be a date such as 2026-01-31 or a duration such as 7d");
  }
  return Math.floor(ms);
}

/** Whether a text begins with a day of the calendar; the language takes "5" and February 30 for dates. */
function isDate(text: string): boolean {
  const [day] = /^\d{4}-\d{2}-\d{2}(?=$|[T ])/.exec(text) ?? [];
  if (day === undefined) return false;
  const atMs = Date.parse(day);
  return Number.isFinite(atMs) && new Date(atMs).toISOString().startsWith(day);
}

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
  const ms = ago.success ? Date.now() - ago.data : Date.parse(text);
  if (!Number.isFinite(ms) || ms < 0) {
    throw new InvalidArgumentError("must be a date such as 2026-01-31 or a duration such as 7d");
  }
  return Math.floor(ms);
}

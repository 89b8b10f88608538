/**
 * Small things the servers share.
 *
 * @module
 */
import process from "node:process";
import type { Log, LogFields } from "../../../core/flow/log.ts";

function complain(event: string, fields: LogFields = {}): void {
  process.stderr.write(`${event} ${JSON.stringify(fields)}\n`);
}

/** Says what went wrong, and nothing else. */
export const quietLog: Log = { debug() {}, info() {}, warn: complain, error: complain };

/** The port of a URL that names one. */
export function portOf(url: string): number {
  return Number(new URL(url).port);
}

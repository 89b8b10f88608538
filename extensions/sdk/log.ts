/**
 * Logging to stderr, where core reads levels from prefixes.
 *
 * @module
 */
import type { Writable } from "node:stream";

/** A line of log; `fields` are appended as JSON. Never log secrets. */
export interface Log {
  debug(text: string, fields?: Readonly<Record<string, unknown>>): void;
  info(text: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(text: string, fields?: Readonly<Record<string, unknown>>): void;
  error(text: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** Builds a log that writes one `[LEVEL] text {fields}` line per call. */
export function createLog(stderr: Writable): Log {
  const at =
    (level: string) => (text: string, fields?: Readonly<Record<string, unknown>>): void => {
      const rest = fields === undefined ? "" : ` ${JSON.stringify(fields)}`;
      stderr.write(`[${level}] ${text.replaceAll("\n", "\\n")}${rest}\n`);
    };
  return { debug: at("DEBUG"), info: at("INFO"), warn: at("WARN"), error: at("ERROR") };
}

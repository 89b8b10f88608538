/**
 * What a room needs of a logger: an event name and fields.
 *
 * @module
 */

/** Ids, codes and durations; never payloads or secrets. */
export type LogFields = Readonly<Record<string, unknown>>;

/** A log line is an event (`noun.verb`) with fields. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

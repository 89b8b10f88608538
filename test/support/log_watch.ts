/**
 * A log that tests can wait on.
 *
 * @module
 */
import type { Log, LogFields } from "../../core/flow/log.ts";

/** Keeps what it is told, and tells when it is told something. */
export interface LogWatch extends Log {
  readonly lines: readonly { readonly event: string; readonly fields: LogFields }[];
  /** Resolves with its fields when `event` is logged for the `count`th time since the watch began. */
  until(event: string, count?: number): Promise<LogFields>;
}

/** A log with no lines. */
export function createLogWatch(): LogWatch {
  const lines: { event: string; fields: LogFields }[] = [];
  let waiters: (() => boolean)[] = [];

  function note(event: string, fields: LogFields = {}): void {
    lines.push({ event, fields });
    waiters = waiters.filter((isDone) => !isDone());
  }

  return {
    lines,
    debug: note,
    info: note,
    warn: note,
    error: note,
    until: (event, count = 1) =>
      new Promise((resolve) => {
        const isDone = (): boolean => {
          const line = lines.filter((one) => one.event === event)[count - 1];
          if (line !== undefined) resolve(line.fields);
          return line !== undefined;
        };
        if (!isDone()) waiters.push(isDone);
      }),
  };
}

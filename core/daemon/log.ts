/**
 * The daemon's log: one event a line on standard error, redacted.
 *
 * @module
 */
import { ansiColorFormatter, configure, getLogger, jsonLinesFormatter } from "@logtape/logtape";
import { codeOf, messageOf } from "../contract/mod.ts";
import type { Log, LogFields } from "../flow/log.ts";
import { redactJson } from "../redact/redact_json.ts";
import type { Redactor } from "../redact/redactor.ts";

/** Levels from quiet to chatty; `NEXO_LOG` names one. */
export const LOG_LEVELS = ["error", "warning", "info", "debug"] as const;
/** One of {@linkcode LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Opens the log. Texts in fields pass `redact`; errors become their code and message. */
export async function openLog({ level, pretty, write, redact }: {
  level: LogLevel;
  /** Colours for people instead of JSON lines for machines. */
  pretty: boolean;
  write: (line: string) => void;
  redact: Redactor;
}): Promise<Log> {
  const format = pretty ? ansiColorFormatter : jsonLinesFormatter;
  await configure({
    reset: true,
    sinks: { stderr: (record) => write(format(record)) },
    loggers: [
      { category: "nexo", lowestLevel: level, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
  const logger = getLogger("nexo");

  function line(event: string, fields: LogFields = {}): [string, LogFields] {
    const entries = Object.entries(fields).map(([name, value]) =>
      [name, cleaned(redact, value)] as const
    );
    const shown = pretty ? entries.map(([name]) => ` ${name}={${name}}`).join("") : "";
    return [`${event}${shown}`, Object.fromEntries(entries)];
  }
  return {
    debug: (event, fields) => logger.debug(...line(event, fields)),
    info: (event, fields) => logger.info(...line(event, fields)),
    warn: (event, fields) => logger.warn(...line(event, fields)),
    error: (event, fields) => logger.error(...line(event, fields)),
  };
}

/** A log that passes its fields through `redact` first. */
export function redactLog(log: Log, redact: Redactor): Log {
  const clean = (fields: LogFields = {}): LogFields =>
    Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, cleaned(redact, value)]),
    );
  return {
    debug: (event, fields) => log.debug(event, clean(fields)),
    info: (event, fields) => log.info(event, clean(fields)),
    warn: (event, fields) => log.warn(event, clean(fields)),
    error: (event, fields) => log.error(event, clean(fields)),
  };
}

function cleaned(redact: Redactor, value: unknown): unknown {
  if (value instanceof Error) return { code: codeOf(value), message: redact(messageOf(value)) };
  return redactJson(redact, value);
}

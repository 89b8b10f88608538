/**
 * When a sender signed: reading it, writing it, and whether it is near enough to now.
 *
 * @module
 */
import type { ResolvedSource } from "../contract/mod.ts";

/** How a source's timestamps are sent. */
export type TimestampRule = NonNullable<ResolvedSource["signature"]["timestamp"]>;

/** Why a timestamp does not do. */
export type TimestampFailure =
  | "timestamp_missing"
  | "timestamp_malformed"
  | "timestamp_outside_window";

/** What is wrong with the timestamp `text`, or undefined when it is within the window. */
export function timestampProblem(
  { format, tolerance_ms: toleranceMs }: TimestampRule,
  text: string,
  nowMs: number,
): TimestampFailure | undefined {
  if (text === "") return "timestamp_missing";
  const sentMs = parseTimestamp(text, format);
  if (sentMs === undefined) return "timestamp_malformed";
  // Both directions: a stamp from the future would stay valid for as long as its lead.
  return Math.abs(nowMs - sentMs) > toleranceMs ? "timestamp_outside_window" : undefined;
}

/** A time as a source's sender writes it. */
export function formatTimestamp(nowMs: number, format: TimestampRule["format"]): string {
  switch (format) {
    case "unix":
      return String(Math.floor(nowMs / 1000));
    case "unix_ms":
      return String(nowMs);
    case "rfc3339":
      return new Date(nowMs).toISOString();
  }
}

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

function parseTimestamp(text: string, format: TimestampRule["format"]): number | undefined {
  if (format === "rfc3339") {
    const ms = RFC3339.test(text) ? Date.parse(text) : Number.NaN;
    return Number.isNaN(ms) ? undefined : ms;
  }
  if (!/^\d{1,15}$/.test(text)) return undefined;
  return format === "unix" ? Number(text) * 1000 : Number(text);
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The timestamp a JSON body holds in its own member `name`; empty when there is none. */
export function bodyTimestamp(body: Uint8Array, name: string): string {
  try {
    const json = JSON.parse(decoder.decode(body)) as unknown;
    if (typeof json !== "object" || json === null || !Object.hasOwn(json, name)) return "";
    const value = (json as Record<string, unknown>)[name];
    return typeof value === "string" || typeof value === "number" ? String(value) : "";
  } catch {
    return ""; // no JSON has no timestamp
  }
}

/**
 * Values with units as people write them: `5m`, `4MB`, `10/min`.
 *
 * @module
 */
import { z } from "zod";

const MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const durationPart =
  /(\d+)\s*(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?)/g;
const wholeDuration = new RegExp(`^\\s*(?:${durationPart.source}\\s*)+$`);

function unitMs(unit: string): number {
  if (unit.startsWith("ms") || unit.startsWith("milli")) return MS.ms;
  return MS[unit[0] as "s" | "m" | "h" | "d"];
}

/** A duration such as `500ms`, `30s`, `5m`, `1h 30m` or `2 days`; read as milliseconds. */
export const DurationMs = z.string().max(64).regex(
  wholeDuration,
  "must be a duration such as 30s, 5m or 1h 30m",
).transform((text) => {
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(durationPart)) {
    totalMs += Number(amount) * unitMs(unit ?? "ms");
  }
  return totalMs;
});

const SIZES = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 } as const;
const sizeText = /^(\d{1,12})\s*(b|kb|kib|mb|mib|gb|gib)$/i;

/** A size such as `4MB`, or a number of bytes; read as bytes, 1 MB being 1,048,576 of them. */
export const SizeBytes = z.union([
  z.int().positive(),
  z.string().regex(sizeText, "must be a size such as 512KB or 4MB").transform((text) => {
    const [, amount, unit = "b"] = sizeText.exec(text) ?? [];
    return Number(amount) * SIZES[unit.charAt(0).toLowerCase() as keyof typeof SIZES];
  }),
]);

/** Units of time a rate may be written in. */
export const RateUnit = z.enum(["sec", "min", "hour", "day"]);
/** See {@linkcode RateUnit}. */
export type RateUnit = z.infer<typeof RateUnit>;

/** Seconds in each {@linkcode RateUnit}. */
export const RATE_UNIT_SECONDS: Readonly<Record<RateUnit, number>> = {
  sec: 1,
  min: 60,
  hour: 3_600,
  day: 86_400,
};

const UNIT_NAMES: Readonly<Record<string, RateUnit>> = {
  s: "sec",
  sec: "sec",
  min: "min",
  hour: "hour",
  day: "day",
};
const rateText = /^\s*([1-9]\d{0,8})\s*\/\s*(s|sec|min|hour|day)\s*$/;

/** A rate such as `10/min`: 10 at once, and as many again in each minute. */
export const RateText = z.string().regex(
  rateText,
  "must be a rate of at least 1, such as 5/s, 10/min, 100/hour or 1000/day",
).transform((text): { rps: number; burst: number; per: RateUnit } => {
  const [, count, unit = "s"] = rateText.exec(text) ?? [];
  const per = UNIT_NAMES[unit] ?? "sec";
  return { rps: Number(count) / RATE_UNIT_SECONDS[per], burst: Number(count), per };
});

/** Requests each second; fractions are fine, 0 means no limit. */
export const Rps = z.number().min(0).max(100_000);

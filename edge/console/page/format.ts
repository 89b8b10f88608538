/**
 * Times, durations and ids as people read them.
 *
 * @module
 */

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const compact = new Intl.NumberFormat(undefined, { notation: "compact" });
const number = new Intl.NumberFormat();
const part = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 0 });
const money = new Intl.NumberFormat(undefined, {
  style: "currency",
  currency: "USD",
  maximumFractionDigits: 4,
});

/** `14:03:09`, with the day in front when that is not today. */
export function showTime(atMs: number): string {
  const at = new Date(atMs);
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday ? clock.format(at) : `${day.format(at)}, ${clock.format(at)}`;
}

/** `3 min. ago`; `now` for the last seconds, and for what a faster clock calls the future. */
export function showAgo(atMs: number, nowMs: number): string {
  const secs = Math.max(0, Math.round((nowMs - atMs) / 1000));
  if (secs < 5) return relative.format(0, "second");
  if (secs < 60) return relative.format(-secs, "second");
  if (secs < 3_600) return relative.format(-Math.floor(secs / 60), "minute");
  if (secs < 86_400) return relative.format(-Math.floor(secs / 3_600), "hour");
  return secs < 604_800 ? relative.format(-Math.floor(secs / 86_400), "day") : showTime(atMs);
}

/** The whole truth about a time, for those who point at it. */
export function showFullTime(atMs: number): string {
  return full.format(new Date(atMs));
}

/** `12 ms`, `3.4 s`, `2 min 5 s`. */
export function showDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round(ms % 60_000 / 1000)} s`;
}

/** A number with the separators of the reader's language. */
export function showNumber(value: number): string {
  return number.format(value);
}

/** `1.2K`, for axes. */
export function showCompact(value: number): string {
  return compact.format(value);
}

/** `Jan 31` for `2026-01-31`. */
export function showDay(isoDay: string): string {
  const [year = 0, month = 1, date = 1] = isoDay.split("-").map(Number);
  return day.format(new Date(year, month - 1, date));
}

/** The end of an id: the part that differs between ids made close together. */
export function shortId(id: string): string {
  return id.length <= 12 ? id : `…${id.slice(-8)}`;
}

/** `42 %`, as the reader's language writes it. */
export function showPart(value: number): string {
  return part.format(value);
}

/** Millionths of a US dollar as dollars. */
export function showMoney(micros: number): string {
  return money.format(micros / 1e6);
}

/** A day and time that may lie in the future. */
export function showDate(atMs: number): string {
  return `${day.format(new Date(atMs))}, ${clock.format(new Date(atMs))}`;
}

/** A span of time in one unit: `42 s`, `5 min`, `3 h`, `2 d`. */
export function showSpan(ms: number): string {
  const secs = Math.max(0, Math.round(ms / 1000));
  if (secs < 120) return `${secs} s`;
  if (secs < 7200) return `${Math.round(secs / 60)} min`;
  return secs < 172_800 ? `${Math.round(secs / 3600)} h` : `${Math.round(secs / 86_400)} d`;
}

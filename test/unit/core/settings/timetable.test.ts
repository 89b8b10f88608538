import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Timetable } from "../../../../core/contract/mod.ts";
import { timeAfter, timesBetween, timetableProblem } from "../../../../core/settings/timetable.ts";

const at = (text: string) => Date.parse(text);
const iso = (ms: number | undefined) => ms === undefined ? undefined : new Date(ms).toISOString();

function following(timetable: Timetable, from: string, count: number): (string | undefined)[] {
  const times: (string | undefined)[] = [];
  let after: number | undefined = at(from);
  for (let i = 0; i < count && after !== undefined; i++) {
    after = timeAfter(timetable, after, at(from));
    times.push(iso(after));
  }
  return times;
}

describe("timeAfter()", () => {
  it.each([
    // The clocks go forward on 30 March 2025 at 02:00, and back on 26 October at 03:00.
    ["a time that the change skips comes right after it", "30 2 * * *", "2025-03-29T12:00:00Z", [
      "2025-03-30T01:00:00.000Z",
      "2025-03-31T00:30:00.000Z",
    ]],
    ["a time that comes twice is kept once", "30 2 * * *", "2025-10-25T12:00:00Z", [
      "2025-10-26T00:30:00.000Z",
      "2025-10-27T01:30:00.000Z",
    ]],
    ["every hour is every real hour in spring", "0 * * * *", "2025-03-30T00:30:00Z", [
      "2025-03-30T01:00:00.000Z",
      "2025-03-30T02:00:00.000Z",
    ]],
    ["every hour is every real hour in autumn", "0 * * * *", "2025-10-25T23:30:00Z", [
      "2025-10-26T00:00:00.000Z",
      "2025-10-26T01:00:00.000Z",
      "2025-10-26T02:00:00.000Z",
    ]],
    ["eight in the morning stays eight in the morning", "0 8 * * *", "2025-03-29T12:00:00Z", [
      "2025-03-30T06:00:00.000Z",
    ]],
  ])("%s", (_what, cron, from, times) => {
    expect(following({ cron, tz: "Europe/Berlin" }, from, times.length)).toEqual(times);
  });

  it("takes six fields with seconds first, UTC without a zone, and one fixed time", () => {
    expect(following({ cron: "*/20 0 0 1 1 *" }, "2025-06-01T00:00:00Z", 2)).toEqual([
      "2026-01-01T00:00:00.000Z",
      "2026-01-01T00:00:20.000Z",
    ]);
    expect(following({ at: "2025-06-01T02:00:00+02:00" }, "2025-05-31T23:59:59Z", 2)).toEqual([
      "2025-06-01T00:00:00.000Z",
      undefined,
    ]);
  });

  it("counts intervals from their anchor, wherever it is asked", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 0, max: 10 ** 12 }),
        fc.integer({ min: -(10 ** 9), max: 10 ** 9 }),
        (every_secs, anchorMs, offsetMs) => {
          const next = timeAfter({ every_secs }, anchorMs + offsetMs, anchorMs) ?? 0;
          expect(Math.abs((next - anchorMs) % (every_secs * 1_000))).toBe(0);
          expect(next).toBeGreaterThan(anchorMs + offsetMs);
          expect(next - every_secs * 1_000).toBeLessThanOrEqual(anchorMs + offsetMs);
        },
      ),
    );
  });
});

describe("timesBetween()", () => {
  const zones = fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe");
  const crons = fc.constantFrom(
    "30 2 * * *",
    "*/15 * * * *",
    "0 */2 * * *",
    "0 8 * * 1",
    "5 1,2 * * *",
  );
  // Around the changes of all zones above, in spring and autumn.
  const starts = fc.constantFrom(
    "2025-03-08",
    "2025-03-29",
    "2025-04-05",
    "2025-10-04",
    "2025-10-25",
    "2025-11-01",
  );

  it("finds backwards exactly what comes forwards, also over the change of clocks", () => {
    fc.assert(
      fc.property(
        zones,
        crons,
        starts,
        fc.integer({ min: 0, max: 86_400 }),
        fc.integer({ min: 0, max: 3 * 86_400 }),
        fc.integer({ min: 1, max: 400 }),
        (tz, cron, day, offsetSecs, spanSecs, most) => {
          const timetable = { cron, tz };
          const from = timeAfter(timetable, at(`${day}T00:00:00Z`) + offsetSecs * 1_000, 0) ?? 0;
          const to = from + spanSecs * 1_000 + 123;
          const forwards: number[] = [];
          for (
            let next: number | undefined = from;
            next !== undefined && next <= to;
            next = timeAfter(timetable, next, from)
          ) forwards.push(next);
          expect(timesBetween(timetable, from, to, most)).toEqual(forwards.slice(-most));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("finds the newest of an interval without walking through all of them", () => {
    const from = at("1990-01-01T00:00:00Z");
    const to = at("2026-01-01T00:00:00Z");
    expect(timesBetween({ every_secs: 1 }, from, to, 2)).toEqual([to - 1_000, to]);
    expect(timesBetween({ cron: "* * * * * *" }, from, to, 2)).toEqual([to - 1_000, to]);
  });
});

describe("timetableProblem()", () => {
  it.each([
    [{ cron: "61 * * * *" }, /cron "61 \* \* \* \*" cannot be read: .*minute/],
    [{ cron: "* * * *" }, /5 fields, or 6/],
    [{ cron: "@daily" }, /5 fields, or 6/],
    [{ cron: "0 0 30 2 *" }, /no time that ever comes/],
    [{ cron: "0 0 * * *", tz: "Mars/Base" }, /no IANA time zone/],
  ])("says what is wrong with %o", (timetable, problem) => {
    expect(timetableProblem(timetable)).toMatch(problem);
  });

  it("is content with what can be followed", () => {
    expect(timetableProblem({ cron: "0 8 * * MON-FRI", tz: "America/Bogota" })).toBeUndefined();
    expect(timetableProblem({ every_secs: 1 })).toBeUndefined();
  });
});

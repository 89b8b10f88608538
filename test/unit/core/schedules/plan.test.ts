import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Misfire, Timetable } from "../../../../core/contract/mod.ts";
import { GRACE_MS, nextAfterSetBack, planOf, wakeAtMs } from "../../../../core/schedules/plan.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const at = (text: string) => Date.parse(text);

const hourly = (misfire: Misfire, over: object = {}) => ({
  id: "s",
  timetable: { cron: "0 * * * *" } as Timetable,
  misfire,
  maxDelayMs: 3 * HOUR,
  jitterMs: 0,
  nextAtMs: at("2025-01-01T01:00:00Z"),
  ...over,
});
const kept = (misfire: Misfire, now: string, over: object = {}) => {
  const plan = planOf(hourly(misfire, over), at(now));
  return [plan.keep.map((ms) => new Date(ms).getUTCHours()), plan.missedAny];
};

describe("planOf()", () => {
  it.each(
    [
      ["skip", "2025-01-01T01:00:30Z", [[1], false]],
      ["skip", "2025-01-01T01:01:01Z", [[], true]],
      ["skip", "2025-01-01T04:00:10Z", [[4], true]],
      ["once", "2025-01-01T01:00:00Z", [[1], false]],
      ["once", "2025-01-01T05:30:00Z", [[5], true]],
      ["all", "2025-01-01T03:30:00Z", [[1, 2, 3], false]],
      ["all", "2025-01-01T05:30:00Z", [[3, 4, 5], true]],
    ] as const,
  )("keeps under %s at %s what the policy says", (misfire, now, expected) => {
    expect(kept(misfire, now)).toEqual(expected);
  });

  it("keeps nothing that is later than allowed, and goes on with the next time", () => {
    const plan = planOf(hourly("once", { maxDelayMs: 0 }), at("2025-01-01T05:30:00Z"));
    expect(plan).toEqual({ keep: [], missedAny: true, nextAtMs: at("2025-01-01T06:00:00Z") });
  });

  it("ends with the last time there is", () => {
    const once = { timetable: { at: "2025-01-01T01:00:00Z" } };
    expect(planOf(hourly("once", once), at("2025-01-01T02:00:00Z"))).toMatchObject({
      keep: [at("2025-01-01T01:00:00Z")],
      nextAtMs: undefined,
    });
  });

  it("keeps each time once and none before it comes, however the clock is read", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<Misfire>("skip", "once", "all"),
        fc.constantFrom<Timetable>({ every_secs: 90 }, { cron: "*/7 * * * *", tz: "Asia/Tokyo" }),
        fc.integer({ min: 0, max: 2 * HOUR }),
        fc.array(fc.integer({ min: 1, max: 3 * HOUR }), { minLength: 1, maxLength: 20 }),
        (misfire, timetable, maxDelayMs, steps) => {
          let nowMs = at("2025-10-25T20:00:00Z");
          let nextAtMs: number | undefined = planOf({
            ...hourly(misfire, { timetable, nextAtMs: nowMs }),
          }, nowMs).nextAtMs;
          const seen = new Set<number>();
          for (const step of steps) {
            nowMs += step;
            if (nextAtMs === undefined || nextAtMs > nowMs) continue;
            const plan = planOf(hourly(misfire, { timetable, nextAtMs, maxDelayMs }), nowMs);
            const allowedMs = misfire === "skip" ? GRACE_MS : maxDelayMs;
            for (const timeMs of plan.keep) {
              expect(seen.has(timeMs)).toBe(false);
              expect(timeMs).toBeLessThanOrEqual(nowMs);
              expect(nowMs - timeMs).toBeLessThanOrEqual(allowedMs);
              seen.add(timeMs);
            }
            if (misfire !== "all") expect(plan.keep.length).toBeLessThanOrEqual(1);
            expect(plan.nextAtMs).toBeGreaterThan(nowMs);
            nextAtMs = plan.nextAtMs;
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("wakeAtMs()", () => {
  it("puts a time off by less than the jitter, and always by as much", () => {
    const offsets = new Set<number>();
    for (let i = 0; i < 200; i++) {
      const wake = wakeAtMs(`s${i}`, 1_000, 5_000);
      expect(wake).toBe(wakeAtMs(`s${i}`, 1_000, 5_000));
      expect(wake).toBeGreaterThanOrEqual(1_000);
      expect(wake).toBeLessThan(6_000);
      offsets.add(wake);
    }
    expect(offsets.size).toBeGreaterThan(150);
    expect(wakeAtMs("s", 1_000, 0)).toBe(1_000);
  });
});

describe("nextAfterSetBack()", () => {
  const now = at("2025-01-01T00:00:00Z");
  const next = (timetable: Timetable, nextAtMs: number, lastSlotMs: number | null) =>
    nextAfterSetBack({ timetable, nextAtMs, lastSlotMs }, now);

  it("counts an interval anew that would be silent for longer than itself", () => {
    expect(next({ every_secs: 60 }, now + HOUR, now + HOUR - MINUTE)).toBe(now + MINUTE);
    expect(next({ every_secs: 60 }, now + MINUTE, now)).toBeUndefined();
  });

  it("keeps no time of a calendar twice, unless the clock was off by more than a day", () => {
    const daily: Timetable = { cron: "0 8 * * *" };
    expect(next(daily, now + 32 * HOUR, now + 8 * HOUR)).toBeUndefined();
    expect(next(daily, now + 800 * HOUR, now + 776 * HOUR)).toBe(now + 8 * HOUR);
  });
});

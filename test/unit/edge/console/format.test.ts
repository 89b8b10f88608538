import { expect, it } from "vitest";
import { showAgo, showTime } from "../../../../edge/console/page/format.ts";

const NOW = Date.parse("2026-03-04T12:00:00Z");
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const words = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });

it.each(
  [
    [0, 0, "second"],
    // A clock that runs ahead of this one says nothing of the future.
    [-MINUTE, 0, "second"],
    [5 * SECOND, -5, "second"],
    [MINUTE - SECOND, -59, "second"],
    [MINUTE, -1, "minute"],
    [HOUR - SECOND, -59, "minute"],
    [DAY - SECOND, -23, "hour"],
    [6 * DAY, -6, "day"],
  ] as const,
)("says how long ago something was: %d ms", (age, count, unit) => {
  expect(showAgo(NOW - age, NOW)).toBe(words.format(count, unit));
});

it("says the day of what is a week old, and of what is older", () => {
  for (const age of [7 * DAY, 400 * DAY]) {
    expect(showAgo(NOW - age, NOW)).toBe(showTime(NOW - age));
  }
});

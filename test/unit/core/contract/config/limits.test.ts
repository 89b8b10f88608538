/**
 * Limits and units as people write them.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  AgentToolRateLimits,
  BindingToolRateLimits,
  SenderRateLimit,
  SenderRateLimitOverride,
  ToolLimit,
} from "../../../../../core/contract/config/limits.ts";
import {
  DurationMs,
  RATE_UNIT_SECONDS,
  RateText,
  RateUnit,
  SizeBytes,
} from "../../../../../core/contract/config/units.ts";

describe("tool limits", () => {
  it("come out the same from rps and burst as from text", () => {
    expect(ToolLimit.parse("10/min")).toEqual({
      rps: 10 / 60,
      burst: 10,
      per: "min",
      essential_deny_on_miss: false,
    });
    expect(ToolLimit.parse({ rps: 2.5 })).toEqual({
      rps: 2.5,
      burst: 3,
      essential_deny_on_miss: false,
    });
    expect(ToolLimit.parse({ rps: 0 })).toMatchObject({ rps: 0, burst: 1 });
    expect(ToolLimit.parse({ rps: 5, burst: 1 })).toMatchObject({ burst: 1 });
  });

  it("are collected by pattern and by binding", () => {
    const limits = AgentToolRateLimits.parse({
      patterns: { _default: "1/s" },
      "webchat:acme": { send_drip: "10/min" },
      "event:drip": { "*": { rps: 1 } },
    });
    expect(Object.keys(limits.patterns)).toEqual(["_default"]);
    expect(limits.bindings["webchat:acme"]?.["send_drip"]?.per).toBe("min");
    expect(Object.keys(limits.bindings)).toEqual(["webchat:acme", "event:drip"]);
    expect(limits.replace).toBe(false);
    expect(BindingToolRateLimits.parse({ replace: true })).toEqual({
      patterns: {},
      bindings: {},
      replace: true,
    });
  });

  it("refuse keys that are no binding, and rates below nothing", () => {
    expect(AgentToolRateLimits.safeParse({ patern: {} }).error?.issues[0]?.code)
      .toBe("unrecognized_keys");
    expect(BindingToolRateLimits.safeParse({ "webchat:acme": {} }).success).toBe(false);
    expect(ToolLimit.safeParse({ rps: -1 }).success).toBe(false);
    expect(ToolLimit.safeParse({ rps: Number.POSITIVE_INFINITY }).success).toBe(false);
    expect(ToolLimit.safeParse("10/fortnight").success).toBe(false);
  });
});

describe("sender limits", () => {
  it("inherit unless they say otherwise", () => {
    const schema = z.strictObject({ sender_rate_limit: SenderRateLimitOverride });
    const of = (value: unknown) => schema.parse(value).sender_rate_limit;
    expect(of({})).toBe("inherit");
    expect(of({ sender_rate_limit: null })).toBe("inherit");
    expect(of({ sender_rate_limit: "disable" })).toBe("disable");
    expect(of({ sender_rate_limit: { rps: 1 } })).toEqual({ rps: 1, burst: 5 });
    expect(SenderRateLimit.parse("30/min")).toEqual({ rps: 0.5, burst: 30 });
  });
});

describe("units", () => {
  it("rates give back their count over their unit", () => {
    fc.assert(fc.property(
      fc.integer({ min: 1, max: 999_999_999 }),
      fc.constantFrom(...RateUnit.options),
      (count, unit) => {
        const { rps, burst, per } = RateText.parse(`${count}/${unit}`);
        expect(burst).toBe(count);
        expect(per).toBe(unit);
        expect(rps * RATE_UNIT_SECONDS[unit]).toBeCloseTo(count);
      },
    ));
  });

  it.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["5m", 300_000],
    ["1h 30m", 5_400_000],
    ["2 days", 172_800_000],
    ["1h30min", 5_400_000],
  ])("%s is %d milliseconds", (text, expected) => {
    expect(DurationMs.parse(text)).toBe(expected);
  });

  it.each(["", "5", "m", "5x", "5m!", "-5m", "1.5h"])("%j is no duration", (text) => {
    expect(DurationMs.safeParse(text).success).toBe(false);
  });

  it("sizes are bytes, in powers of 1024", () => {
    expect(SizeBytes.parse("4MB")).toBe(4_194_304);
    expect(SizeBytes.parse("512 kib")).toBe(524_288);
    expect(SizeBytes.parse(1000)).toBe(1000);
    expect(SizeBytes.safeParse("4 apples").success).toBe(false);
  });
});

/**
 * The statistics of the benchmarks.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { median, medianInterval, spreadOf, verdictOf } from "../../bench/statistics.ts";

const values = fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), {
  minLength: 1,
  maxLength: 40,
});

/** The chance that exactly `k` of `n` fair coins show heads. */
function binomial(n: number, k: number): number {
  let ways = 1;
  for (let i = 0; i < k; i++) ways *= (n - i) / (i + 1);
  return ways / 2 ** n;
}

describe("median()", () => {
  it("takes the middle one, or the mean of the middle two", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it("refuses no values at all", () => {
    expect(() => median([])).toThrow(RangeError);
    expect(() => medianInterval([])).toThrow(RangeError);
  });
});

describe("medianInterval()", () => {
  it("spans all of five rounds, and leaves out the extremes of seven and of nine", () => {
    expect(medianInterval([5, 1, 4, 2, 3])).toEqual({ low: 1, high: 5 });
    expect(medianInterval([7, 1, 5, 3, 4, 6, 2])).toEqual({ low: 2, high: 6 });
    expect(medianInterval([9, 8, 7, 6, 5, 4, 3, 2, 1])).toEqual({ low: 2, high: 8 });
  });

  it("leaves out one value more only where the confidence would not hold", () => {
    for (let count = 5; count <= 30; count++) {
      const { low } = medianInterval(Array.from({ length: count }, (_, i) => i));
      const outside = (cut: number): number =>
        2 * Array.from({ length: cut + 1 }, (_, k) => binomial(count, k)).reduce((a, b) => a + b);
      expect(outside(low)).toBeLessThanOrEqual(0.15);
      expect(outside(low + 1)).toBeGreaterThan(0.15);
    }
  });

  it("holds the median of what it was given", () => {
    fc.assert(fc.property(values, (given) => {
      const { low, high } = medianInterval(given);
      expect(low).toBeLessThanOrEqual(median(given));
      expect(high).toBeGreaterThanOrEqual(median(given));
      expect(spreadOf(given)).toBeGreaterThanOrEqual(0);
    }));
  });

  it("does not move when the wildest of seven rounds gets wilder", () => {
    expect(medianInterval([1, 2, 3, 4, 5, 6, 1000])).toEqual(
      medianInterval([1, 2, 3, 4, 5, 6, 7]),
    );
  });
});

describe("verdictOf()", () => {
  it("says yes or no when every likely median is on one side of the target", () => {
    expect(verdictOf([0.6, 0.7, 0.65, 0.62, 0.55], { atLeast: 0.55 })).toBe(true);
    expect(verdictOf([0.5, 0.54, 0.4, 0.3, 0.2], { atLeast: 0.55 })).toBe(false);
    expect(verdictOf([1, 2, 1.5, 1.2, 1.1], { atMost: 2 })).toBe(true);
    expect(verdictOf([2.1, 3, 4, 5, 6], { atMost: 2 })).toBe(false);
  });

  it("says nothing when the target lies within the noise", () => {
    expect(verdictOf([0.5, 0.6, 0.6, 0.7, 0.7], { atLeast: 0.55 })).toBeNull();
    expect(verdictOf([1.9, 1.5, 2.1, 1.8, 1.7], { atMost: 2 })).toBeNull();
  });

  it("never calls a bound met that its opposite calls met, unless every likely median equals it", () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 100, noNaN: true }), (given, bound) => {
        const { low, high } = medianInterval(given);
        const both = verdictOf(given, { atLeast: bound }) === true &&
          verdictOf(given, { atMost: bound }) === true;
        expect(both).toBe(low === bound && high === bound);
      }),
    );
  });
});

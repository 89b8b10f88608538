/**
 * From the ratios of a few rounds to a verdict that noise cannot make.
 *
 * @module
 */

/** What a ratio has to reach: rates want at least, times and memory at most. */
export type Target = { readonly atLeast: number } | { readonly atMost: number };

/** Where the true median lies, with the confidence asked for. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The middle value; the mean of the two middle ones of an even count. @throws {RangeError} for none */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (low === undefined || high === undefined) {
    throw new RangeError("Cannot take a median: there are no values");
  }
  return (low + high) / 2;
}

/**
 * The narrowest pair of order statistics that holds the true median with at least `confidence`, or
 * the extremes when even they do not.
 *
 * The count of values below the true median is binomial with p = 1/2, whatever the noise looks like,
 * so a few wild rounds widen nothing.
 */
export function medianInterval(values: readonly number[], confidence = 0.85): Interval {
  const sorted = values.toSorted((a, b) => a - b);
  const count = sorted.length;
  let cut = 0;
  // `outside` is the chance that the true median lies beyond the pair that would remain.
  let term = 0.5 ** count;
  let outside = 2 * term;
  for (let next = 1; next < count / 2; next++) {
    term *= (count - next + 1) / next;
    outside += 2 * term;
    if (outside > 1 - confidence) break;
    cut = next;
  }
  const [low, high] = [sorted[cut], sorted[count - 1 - cut]];
  if (low === undefined || high === undefined) {
    throw new RangeError("Cannot take an interval: there are no values");
  }
  return { low, high };
}

/** The width of the interval as a share of the median. */
export function spreadOf(values: readonly number[]): number {
  const { low, high } = medianInterval(values);
  return (high - low) / median(values);
}

/** Whether the target is met, or null when it lies within the noise. */
export function verdictOf(values: readonly number[], target: Target): boolean | null {
  const { low, high } = medianInterval(values);
  if ("atLeast" in target) {
    return low >= target.atLeast ? true : high < target.atLeast ? false : null;
  }
  return high <= target.atMost ? true : low > target.atMost ? false : null;
}

/**
 * The small async tools: pauses, limits in time, and a place for background work.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aborted } from "../../../../core/flow/aborted.ts";
import { backoffMs } from "../../../../core/flow/backoff.ts";
import { isTimeout, openDeadline } from "../../../../core/flow/deadline.ts";
import { openDebounce } from "../../../../core/flow/debounce.ts";
import { delay } from "../../../../core/flow/delay.ts";
import { createInTurn } from "../../../../core/flow/in_turn.ts";
import { openScope } from "../../../../core/flow/scope.ts";

describe("backoffMs()", () => {
  it("doubles from the first pause and stays under the longest", () => {
    const backoff = { firstMs: 100, maxMs: 1000 };
    expect([0, 1, 2, 3, 4, 5, 9999].map((failures) => backoffMs(failures, backoff))).toEqual([
      100,
      100,
      200,
      400,
      800,
      1000,
      1000,
    ]);
    fc.assert(fc.property(fc.nat(), fc.nat(10_000), fc.nat(100_000), (failures, firstMs, maxMs) => {
      expect(backoffMs(failures, { firstMs, maxMs })).toBeLessThanOrEqual(maxMs);
    }));
  });
});

describe("openDeadline()", () => {
  it("aborts with a timeout when the time is over", async () => {
    using deadline = openDeadline(undefined, 1);
    await aborted(deadline.signal);
    expect(isTimeout(deadline.signal.reason)).toBe(true);
  });

  it("aborts with its parent's reason, also when that came first", () => {
    const parent = new AbortController();
    using deadline = openDeadline(parent.signal, 60_000);
    const reason = new Error("stop");
    parent.abort(reason);
    expect(deadline.signal.reason).toBe(reason);
    expect(isTimeout(reason)).toBe(false);
    using late = openDeadline(parent.signal, 60_000);
    expect(late.signal.reason).toBe(reason);
  });

  it("lets go of its parent when disposed", () => {
    const parent = new AbortController();
    const deadline = openDeadline(parent.signal, 60_000);
    deadline[Symbol.dispose]();
    deadline[Symbol.dispose]();
    parent.abort();
    expect(deadline.signal.aborted).toBe(false);
  });
});

describe("delay()", () => {
  it("resolves in time, or rejects with the signal's reason", async () => {
    await delay(0);
    const stop = new AbortController();
    const waiting = delay(60_000, { signal: stop.signal });
    const reason = new Error("enough");
    stop.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(delay(60_000, { signal: stop.signal })).rejects.toBe(reason);
  });
});

describe("openScope()", () => {
  it("waits for its tasks, and for those they start", async () => {
    await using scope = openScope({ onError: () => undefined });
    const ended: string[] = [];
    scope.run(async () => {
      await delay(0);
      scope.run(async () => {
        await delay(0);
        ended.push("inner");
      });
      ended.push("outer");
    });
    await scope.idle();
    expect(ended).toEqual(["outer", "inner"]);
  });

  it("hears of a failed task and goes on", async () => {
    const errors: unknown[] = [];
    await using scope = openScope({ onError: (error) => errors.push(error) });
    const failure = new Error("mine");
    scope.run(() => Promise.reject(failure));
    await scope.idle();
    expect(errors).toEqual([failure]);
    expect(scope.signal.aborted).toBe(false);
  });

  it("stops its tasks when disposed, waits for them, and does not call that a failure", async () => {
    const errors: unknown[] = [];
    let ended = false;
    const scope = openScope({ onError: (error) => errors.push(error) });
    scope.run(async (signal) => {
      await delay(60_000, { signal }).finally(() => {
        ended = true;
      });
    });
    await scope[Symbol.asyncDispose]();
    await scope[Symbol.asyncDispose]();
    expect([ended, errors]).toEqual([true, []]);
  });
});

describe("createInTurn()", () => {
  it("begins a task when the one before has ended, also badly, and tells each what became of it", async () => {
    const inTurn = createInTurn();
    const steps: string[] = [];
    const failure = new Error("mine");
    const first = inTurn(async () => {
      await delay(0);
      steps.push("first");
      throw failure;
    });
    const second = inTurn(() => Promise.resolve(steps.push("second")));
    await expect(first).rejects.toBe(failure);
    expect(await second).toBe(2);
    expect(steps).toEqual(["first", "second"]);
  });
});

describe("aborted()", () => {
  it("resolves when the signal aborts, and at once for one that has", async () => {
    const stop = new AbortController();
    const waiting = aborted(stop.signal);
    stop.abort();
    await waiting;
    await aborted(stop.signal);
  });
});

describe("openDebounce()", () => {
  it("works once for a burst, and again for what happens while it works", async () => {
    let works = 0;
    await new Promise<void>((resolve, reject) => {
      const debounce = openDebounce({
        quietMs: 0,
        work() {
          works += 1;
          if (works === 1) debounce.touch();
          else resolve();
          return delay(0);
        },
        onError: reject,
      });
      debounce.touch();
      debounce.touch();
    });
    expect(works).toBe(2);
  });

  it("works again for what happens while it fails", async () => {
    const errors: unknown[] = [];
    let works = 0;
    await new Promise<void>((resolve) => {
      const debounce = openDebounce({
        quietMs: 0,
        async work() {
          works += 1;
          if (works === 2) return resolve();
          debounce.touch();
          await delay(0);
          throw new Error("mine");
        },
        onError: (error) => errors.push(error),
      });
      debounce.touch();
    });
    expect(errors).toHaveLength(1);
  });

  it("hears of a failure, and works again after the next burst", async () => {
    const failure = new Error("mine");
    const errors: unknown[] = [];
    let works = 0;
    await new Promise<void>((resolve) => {
      const debounce = openDebounce({
        quietMs: 0,
        work() {
          works += 1;
          if (works === 1) return Promise.reject(failure);
          resolve();
          return Promise.resolve();
        },
        onError(error) {
          errors.push(error);
          debounce.touch();
        },
      });
      debounce.touch();
    });
    expect(errors).toEqual([failure]);
  });

  it("begins nothing once it is disposed", async () => {
    let works = 0;
    const debounce = openDebounce({
      quietMs: 0,
      work: () => Promise.resolve(void (works += 1)),
      onError: () => undefined,
    });
    debounce.touch();
    await debounce[Symbol.asyncDispose]();
    debounce.touch();
    await delay(0);
    expect(works).toBe(0);
  });
});

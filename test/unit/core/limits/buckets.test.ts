/**
 * Token buckets against a model that counts with whole numbers only.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BucketKey, createBucketUpkeep } from "../../../../core/limits/bucket_rows.ts";
import { blockOf } from "../../../../core/limits/bucket.ts";
import { type Buckets, openBuckets } from "../../../../core/limits/buckets.ts";
import { openLimits } from "../../../../core/limits/limits.ts";
import { createBucketDisk } from "../../../support/limits.ts";
import { openTestStore, silentLog } from "../../../support/store.ts";

const KEY: BucketKey = {
  account: "acme",
  agentId: "ana",
  bindingId: "webchat:acme",
  name: "ext_shop_order",
};
const keyed = (name: string): BucketKey => ({ ...KEY, name });

/** A bucket in thousandths of a token, which come back in whole numbers each millisecond. */
class Model {
  used = 0;
  rps: number;
  burst: number;
  constructor({ rps, burst }: { rps: number; burst: number }) {
    this.rps = rps;
    this.burst = burst;
  }
  pass(ms: number): void {
    this.used = Math.max(0, this.used - ms * this.rps);
  }
  get allows(): boolean {
    return this.used + 1000 <= this.burst * 1000;
  }
  take(): void {
    this.used += 1000;
  }
  limit({ rps, burst }: { rps: number; burst: number }): void {
    this.rps = rps;
    this.burst = burst;
    this.used = Math.min(this.used, burst * 1000);
  }
}

type Step =
  | { kind: "pass"; ms: number }
  | { kind: "take"; calls: number }
  | { kind: "reload"; rps: number; burst: number }
  | { kind: "restart" }
  | { kind: "crash"; calls: number; reached: boolean };

const rate = {
  // Slow ones, and some that give a burst back in a moment.
  rps: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 500, max: 20_000 })),
  burst: fc.integer({ min: 1, max: 120 }),
};
const quiet: fc.Arbitrary<Step>[] = [
  fc.record({ kind: fc.constant("pass"), ms: fc.integer({ min: 0, max: 3000 }) }),
  fc.record({ kind: fc.constant("take"), calls: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ kind: fc.constant("take"), calls: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ kind: fc.constant("reload"), ...rate }),
  fc.record({ kind: fc.constant("restart") }),
];
const crash: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant("crash"),
  calls: fc.integer({ min: 0, max: 40 }),
  reached: fc.boolean(),
});

const steps = (...kinds: fc.Arbitrary<Step>[]) => fc.array(fc.oneof(...kinds), { maxLength: 40 });

describe("openBuckets()", () => {
  it("gives and refuses exactly as the model does, whatever passes, reloads and restarts", async () => {
    await fc.assert(
      fc.asyncProperty(fc.record(rate), steps(...quiet), async (first, plan) => {
        let nowMs = 1_000_000;
        const disk = createBucketDisk();
        const open = (): Buckets =>
          openBuckets({ ...disk, now: () => nowMs, writes: "ahead", maxBuckets: 4 });
        let buckets = open();
        let limit = first;
        const model = new Model(limit);
        for (const step of plan) {
          if (step.kind === "pass") {
            nowMs += step.ms;
            model.pass(step.ms);
          } else if (step.kind === "take") {
            const draws = await Promise.all(
              Array.from({ length: step.calls }, async () => buckets.take(KEY, limit)),
            );
            for (const { ok } of draws) {
              expect(ok).toBe(model.allows);
              if (ok) model.take();
            }
          } else if (step.kind === "reload") {
            limit = { rps: step.rps, burst: step.burst };
            model.limit(limit);
            await buckets.reload(() => limit);
          } else {
            await buckets[Symbol.asyncDispose]();
            buckets = open();
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it("never gives more than the model, nor less by more than a block for each crash", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record(rate),
        steps(...quiet, crash),
        async (first, plan) => {
          let nowMs = 1_000_000;
          const disk = createBucketDisk();
          const open = (): Buckets =>
            openBuckets({ ...disk, now: () => nowMs, writes: "ahead", maxBuckets: 4 });
          let buckets = open();
          let limit = first;
          const most = new Model(limit);
          // The same calls, and what crashes may cost: a block, and the calls that were under way.
          const least = new Model(limit);
          for (const step of plan) {
            if (step.kind === "pass") {
              nowMs += step.ms;
              most.pass(step.ms);
              least.pass(step.ms);
            } else if (step.kind === "take") {
              for (let call = 0; call < step.calls; call++) {
                const { ok } = await buckets.take(KEY, limit);
                if (ok) expect(most.allows).toBe(true);
                else expect(least.allows).toBe(false);
                if (!ok) continue;
                most.take();
                least.take();
              }
            } else if (step.kind === "reload") {
              limit = { rps: step.rps, burst: step.burst };
              most.limit(limit);
              least.limit(limit);
              await buckets.reload(() => limit);
            } else if (step.kind === "restart") {
              await buckets[Symbol.asyncDispose]();
              buckets = open();
            } else {
              // Commits stop, some before and some after they reached the disk; then the memory is gone.
              const { before } = disk;
              let reached = step.reached ? 1 : 0;
              disk.before = () => reached-- > 0 ? Promise.resolve() : new Promise(() => {});
              const granted: boolean[] = [];
              const calls = Array.from({ length: step.calls }, async () => {
                const { ok } = await buckets.take(KEY, limit);
                granted.push(ok);
              });
              await new Promise((resolve) => setImmediate(resolve));
              for (const ok of granted) {
                if (!ok) continue;
                expect(most.allows).toBe(true);
                most.take();
              }
              least.used += 1000 * (calls.length + blockOf(limit));
              disk.before = before;
              buckets = open();
            }
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it("takes a token at once where its block is on disk, and writes once in a block", async () => {
    const disk = createBucketDisk();
    const buckets = openBuckets({ ...disk, now: () => 0, writes: "ahead" });
    const limit = { rps: 1, burst: 1000 };
    await buckets.take(KEY, limit);
    let waited = 0;
    for (let call = 1; call < 1000; call++) {
      const draw = buckets.take(KEY, limit);
      if (draw instanceof Promise) waited += 1;
      expect((await draw).ok).toBe(true);
    }
    expect((await buckets.take(KEY, limit)).ok).toBe(false);
    // The next block is written while the last half of the one before is used.
    expect(waited).toBe(0);
    expect(disk.commits).toBeLessThanOrEqual(2 * 1000 / blockOf(limit));
  });

  it("does not write for each call where what is taken comes back at once", async () => {
    const disk = createBucketDisk();
    let nowMs = 0;
    const buckets = openBuckets({ ...disk, now: () => nowMs, writes: "ahead" });
    const limit = { rps: 50_000, burst: 1000 };
    let waited = 0;
    for (; nowMs < 1000; nowMs++) {
      for (let call = 0; call < 10; call++) {
        const draw = buckets.take(KEY, limit);
        if (draw instanceof Promise) waited += 1;
        expect((await draw).ok).toBe(true);
      }
    }
    // The first; then a block, of which half is used up or gone in a twentieth of a second.
    expect(waited).toBe(1);
    expect(disk.commits).toBeLessThanOrEqual(1 + 1000 / 50);
  });

  it("has every call of a small burst on disk before it is made", async () => {
    const disk = createBucketDisk();
    const limit = { rps: 0.001, burst: 9 };
    for (let call = 1; call <= 9; call++) {
      const buckets = openBuckets({ ...disk, now: () => 0, writes: "ahead" });
      expect((await buckets.take(KEY, limit)).ok).toBe(true);
      expect(disk.commits).toBe(call);
    }
    const buckets = openBuckets({ ...disk, now: () => 0, writes: "ahead" });
    expect(await buckets.take(KEY, limit)).toMatchObject({ ok: false, refusals: 1 });
    expect(await buckets.take(KEY, limit)).toMatchObject({ ok: false, refusals: 2 });
  });

  it("takes nothing when it cannot be written", async () => {
    const disk = createBucketDisk();
    const buckets = openBuckets({ ...disk, now: () => 0, writes: "ahead" });
    const limit = { rps: 0.001, burst: 1 };
    const { before } = disk;
    disk.before = () => Promise.reject(new Error("the disk is full"));
    await expect(buckets.take(KEY, limit)).rejects.toThrow("the disk is full");
    disk.before = before;
    expect((await buckets.take(KEY, limit)).ok).toBe(true);
    expect((await buckets.take(KEY, limit)).ok).toBe(false);
  });

  it("R4: holds few buckets in memory and forgets none of what they count", async () => {
    const disk = createBucketDisk();
    const buckets = openBuckets({ ...disk, now: () => 0, writes: "ahead", maxBuckets: 4 });
    const limit = { rps: 0.001, burst: 1 };
    const names = Array.from({ length: 50 }, (_, i) => `tool_${i}`);
    for (const name of names) expect((await buckets.take(keyed(name), limit)).ok).toBe(true);
    for (const name of names) expect((await buckets.take(keyed(name), limit)).ok).toBe(false);
    // Also when they are all asked for at once, and thrown out while they are being written.
    const more = names.map((name) => keyed(`more_${name}`));
    const twice = [...more, ...more].map(async (key) => buckets.take(key, limit));
    expect((await Promise.all(twice)).filter(({ ok }) => ok)).toHaveLength(more.length);
  });

  it("never gives the same time twice, whatever the clock does", async () => {
    await fc.assert(fc.asyncProperty(
      fc.double({ min: 0.01, max: 50, noNaN: true }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.integer({ min: -500, max: 2000 }), { minLength: 1, maxLength: 100 }),
      async (rps, burst, waits) => {
        let nowMs = 10_000;
        const disk = createBucketDisk();
        let buckets = openBuckets({ ...disk, now: () => nowMs, writes: "ahead" });
        const grants: number[] = [];
        let highestMs = -Infinity;
        for (const [i, wait] of waits.entries()) {
          nowMs += wait;
          highestMs = Math.max(highestMs, nowMs);
          if (i % 10 === 9) buckets = openBuckets({ ...disk, now: () => nowMs, writes: "ahead" });
          if ((await buckets.take(KEY, { rps, burst })).ok) grants.push(highestMs);
        }
        grants.forEach((from, i) => {
          for (let j = i; j < grants.length; j++) {
            const seconds = ((grants[j] ?? 0) - from) / 1000;
            expect(j - i + 1).toBeLessThanOrEqual(burst + rps * seconds + 1e-6);
          }
        });
      },
    ));
  });

  it("has a token once retryAfterMs has passed", async () => {
    await fc.assert(fc.asyncProperty(
      fc.double({ min: 0.001, max: 1000, noNaN: true }),
      fc.integer({ min: 1, max: 5 }),
      async (rps, burst) => {
        let nowMs = 0;
        const buckets = openBuckets({ ...createBucketDisk(), now: () => nowMs, writes: "ahead" });
        for (let i = 0; i < 20; i++) {
          const draw = await buckets.take(KEY, { rps, burst });
          if (draw.ok) continue;
          nowMs += draw.retryAfterMs;
          expect((await buckets.take(KEY, { rps, burst })).ok).toBe(true);
        }
      },
    ));
  });
});

describe("openLimits() over a real store", () => {
  const limits = { agent: { patterns: { "*": { rps: 0.001, burst: 2 } } } };
  const claim = {
    account: "acme",
    agentId: "ana",
    bindingId: "webchat:acme",
    tool: { name: "ext_shop_order", ownName: "order" },
    limits,
  };
  const sender = { account: "acme", agentId: "ana", bindingId: "webchat:acme", sender: "s-1" };
  const rules = {
    fingerprint: "1",
    hasAgent: () => true,
    toolLimitsOf: () => limits,
    senderRateOf: () => undefined,
  };

  it("R5: counts on where a killed process stopped, for tools and senders", async () => {
    await using place = await openTestStore();
    const { store } = place;
    const deps = { store, now: () => 1_000_000, log: silentLog };
    const first = openLimits(deps);
    expect((await first.tools.take(claim)).ok).toBe(true);
    await first.senders.take(sender, { rps: 0.001, burst: 2 });
    // A commit of ours comes after those that were not waited for.
    await store.commit([]);
    // No dispose: nothing of the first one's memory reaches the second.
    await using second = openLimits(deps);
    expect((await second.tools.take(claim)).ok).toBe(true);
    expect((await second.tools.take(claim)).ok).toBe(false);
    expect((await second.senders.take(sender, { rps: 0.001, burst: 2 })).ok).toBe(true);
    expect((await second.senders.take(sender, { rps: 0.001, burst: 2 })).ok).toBe(false);
    expect((await second.tools.take({ ...claim, account: "globex" })).ok).toBe(true);
    await first[Symbol.asyncDispose]();
  });

  it("changes the rate of what is only on disk when the rules change", async () => {
    await using place = await openTestStore();
    const { store } = place;
    let nowMs = 1_000_000;
    const deps = { store, now: () => nowMs, log: silentLog };
    const first = openLimits(deps);
    for (const name of ["a", "b", "c"]) {
      const tool = { name: `ext_shop_${name}`, ownName: name };
      for (let call = 0; call < 2; call++) await first.tools.take({ ...claim, tool });
    }
    await first[Symbol.asyncDispose]();
    const fast = {
      agent: { patterns: { a: { rps: 1, burst: 2 }, _default: limits.agent.patterns["*"] } },
    };
    const second = openLimits(deps);
    second.reload({ ...rules, toolLimitsOf: () => fast });
    await second[Symbol.asyncDispose]();
    nowMs += 1000;
    await using third = openLimits(deps);
    const take = (ownName: string) =>
      third.tools.take({ ...claim, limits: fast, tool: { name: `ext_shop_${ownName}`, ownName } });
    expect([(await take("a")).ok, (await take("a")).ok, (await take("b")).ok]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("R7: forgets an agent that was deleted, and it only, and what has come back", async () => {
    await using place = await openTestStore();
    const { store } = place;
    let nowMs = 1_000_000;
    const deps = { store, now: () => nowMs, log: silentLog };
    const bob = { ...claim, agentId: "bob" };
    await using limited = openLimits(deps);
    for (const each of [claim, claim, bob, bob]) await limited.tools.take(each);
    limited.reload({ ...rules, hasAgent: (id) => id !== "bob" });
    const upkeep = createBucketUpkeep(store);
    await expect.poll(() => upkeep.agentsForOperator()).toEqual(["ana"]);
    expect((await limited.tools.take(claim)).ok).toBe(false);
    expect((await limited.tools.take(bob)).ok).toBe(true);
    nowMs += 3_000_000;
    expect(await upkeep.deleteIdle(store, nowMs, 10)).toBe(2);
    expect(await upkeep.agentsForOperator()).toEqual([]);
  });
});

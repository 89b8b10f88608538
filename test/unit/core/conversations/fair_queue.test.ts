import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFairQueue } from "../../../../core/conversations/fair_queue.ts";

function drain<T>(queue: { shift: () => T | undefined }): T[] {
  const items: T[] = [];
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) items.push(item);
  return items;
}

describe("createFairQueue()", () => {
  it("T7: lets a tenant with one item pass one with a thousand", () => {
    const queue = createFairQueue<string>(() => 1);
    for (let i = 0; i < 1000; i++) queue.push("busy", `busy-${i}`);
    queue.push("quiet", "quiet-0");
    expect(drain(queue).indexOf("quiet-0")).toBe(1);
  });

  it("gives each tenant turns by its weight, also by a fraction, spread evenly", () => {
    const weights: Record<string, number> = { big: 3, small: 1, tiny: 0.5 };
    const queue = createFairQueue<string>((account) => weights[account] ?? 1);
    for (let i = 0; i < 18; i++) {
      for (const account of Object.keys(weights)) queue.push(account, account);
    }
    const out = drain(queue);
    for (const from of [0, 9, 18]) {
      const round = out.slice(from, from + 9);
      const counts = Object.keys(weights).map((account) =>
        round.filter((each) => each === account).length
      );
      expect(counts).toEqual([6, 2, 1]);
    }
  });

  it("gives nobody more for coming back with one item at a time", () => {
    const queue = createFairQueue<string>((account) => account === "busy" ? 4 : 1);
    for (let i = 0; i < 100; i++) queue.push("busy", "busy");
    queue.push("single", "single");
    const out: (string | undefined)[] = [];
    for (let i = 0; i < 50; i++) {
      const item = queue.shift();
      out.push(item);
      if (item === "single") queue.push("single", "single");
    }
    expect(out.filter((item) => item === "single")).toHaveLength(10);
  });

  it("keeps the order of each tenant and loses nothing, whatever is pushed and shifted when", () => {
    const step = fc.oneof(
      fc.record({ push: fc.constantFrom("a", "b", "c", "d") }),
      fc.constant({ push: null }),
    );
    fc.assert(fc.property(fc.array(step), fc.integer({ min: 1, max: 4 }), (steps, weight) => {
      const queue = createFairQueue<[string, number]>((account) => account === "a" ? weight : 1);
      const out: [string, number][] = [];
      let count = 0;
      for (const { push } of steps) {
        if (push !== null) queue.push(push, [push, count++]);
        else {
          const item = queue.shift();
          if (item !== undefined) out.push(item);
        }
      }
      out.push(...drain(queue));
      expect(out).toHaveLength(count);
      expect(queue.size()).toBe(0);
      for (const account of ["a", "b", "c", "d"]) {
        const own = out.filter(([owner]) => owner === account).map(([, number]) => number);
        expect(own).toEqual([...own].sort((x, y) => x - y));
      }
    }));
  });
});

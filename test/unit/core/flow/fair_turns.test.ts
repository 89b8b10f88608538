import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFairTurns } from "../../../../core/flow/fair_turns.ts";

describe("createFairTurns()", () => {
  it("lets one task of another owner in before the second of a busy one", async () => {
    const inTurn = createFairTurns(1);
    const done: string[] = [];
    const run = (owner: string, name: string) =>
      inTurn(owner, () => Promise.resolve().then(() => void done.push(name)));
    await Promise.all([
      ...Array.from({ length: 50 }, (_, i) => run("acme", `acme ${i}`)),
      run("globex", "globex"),
    ]);
    // One runs and one is first in line already.
    expect(done.indexOf("globex")).toBe(2);
    expect(done.filter((name) => name !== "globex")).toEqual(
      Array.from({ length: 50 }, (_, i) => `acme ${i}`),
    );
  });

  it("never runs more than its limit, runs everything, and survives failures", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.boolean()), { maxLength: 40 }),
        async (limit, tasks) => {
          const inTurn = createFairTurns(limit);
          let running = 0;
          let most = 0;
          const ends = await Promise.allSettled(
            tasks.map(([owner, fails]) =>
              inTurn(owner, async () => {
                most = Math.max(most, ++running);
                await Promise.resolve();
                running -= 1;
                if (fails) throw new Error("failed");
              })
            ),
          );
          expect(most).toBeLessThanOrEqual(limit);
          expect(ends.map(({ status }) => status)).toEqual(
            tasks.map(([, fails]) => fails ? "rejected" : "fulfilled"),
          );
        },
      ),
    );
  });
});

/**
 * Gathering: how batches are cut, and who hears of a failure.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { createGather } from "../../../../core/bus/gather.ts";
import { CodedError } from "../../../../core/contract/mod.ts";

describe("createGather()", () => {
  it("cuts batches by count and by size, and lets a large item travel alone", async () => {
    const batches: number[][] = [];
    const gather = createGather<number, number>({
      maxItems: 3,
      maxSize: 10,
      sizeOf: (item) => item,
      ship: (items) => {
        batches.push([...items]);
        return Promise.resolve(items);
      },
    });
    expect(await gather.add([1, 1, 1, 1, 6, 4, 1, 50, 2])).toEqual([1, 1, 1, 1, 6, 4, 1, 50, 2]);
    expect(batches).toEqual([[1, 1, 1], [1, 6], [4, 1], [50], [2]]);
  });

  it("fails only the callers of the batch that failed", async () => {
    const gather = createGather<number, number>({
      maxItems: 1,
      ship: (items) => items[0] === 2 ? Promise.reject(new Error("two")) : Promise.resolve(items),
    });
    const results = await Promise.allSettled([
      gather.add([1]),
      gather.add([2, 3]),
      gather.add([3]),
    ]);
    expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  it("calls a result too few a defect", async () => {
    const gather = createGather<number, number>({ ship: () => Promise.resolve([]) });
    await expect(gather.add([1])).rejects.toMatchObject({ code: "internal" });
  });

  it("rejects everything once closed", async () => {
    const gather = createGather<number, number>({ ship: (items) => Promise.resolve(items) });
    const waiting = gather.add([1]);
    gather.close(new CodedError("bus_closed", "Cannot hand off: closed"));
    await expect(waiting).rejects.toMatchObject({ code: "bus_closed" });
    await expect(gather.add([1])).rejects.toMatchObject({ code: "bus_closed" });
  });
});

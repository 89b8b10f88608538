import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createGates, type Pass } from "../../../../core/conversations/gates.ts";

describe("createGates()", () => {
  it("leads through one gate after the other, and keeps no place of the next while it waits", () => {
    const gates = createGates(() => 1);
    const own = { name: "own", limit: () => 1 };
    const shared = { name: "shared", limit: () => 2 };
    const through: string[] = [];
    const enter = (name: string, ways: readonly (typeof own)[]): Pass =>
      gates.enter({ account: "acme", gates: ways }, () => through.push(name));
    const first = enter("first", [own, shared]);
    enter("second", [own, shared]);
    enter("other", [shared]);
    expect(through).toEqual(["first", "other"]);
    first.leave();
    first.leave();
    expect(through).toEqual(["first", "other", "second"]);
    enter("last", [shared]);
    expect(through).toHaveLength(3);
  });

  it("forgets whoever leaves while waiting, and lets those behind pass", () => {
    const gates = createGates(() => 1);
    const way = { account: "acme", gates: [{ name: "one", limit: () => 1 }] };
    const through: string[] = [];
    const [first, second] = ["first", "second", "third"].map((name) =>
      gates.enter(way, () => through.push(name))
    );
    second?.leave();
    first?.leave();
    expect(through).toEqual(["first", "third"]);
  });

  it("lets those ahead go before others of their tenant, in the order they came", () => {
    const gates = createGates(() => 1);
    const ways = [{ name: "one", limit: () => 1 }];
    const through: string[] = [];
    const leave = { now: (): void => {} };
    const enter = (name: string, account: string, ahead: boolean): void =>
      void gates.enter({ account, gates: ways, ahead }, (pass) => {
        through.push(name);
        leave.now = pass.leave;
      });
    enter("first", "acme", false);
    enter("a", "acme", false);
    enter("b", "acme", true);
    enter("c", "acme", true);
    enter("g", "globex", false);
    for (let i = 0; i < 4; i++) leave.now();
    expect(through.filter((name) => name !== "g")).toEqual(["first", "b", "c", "a"]);
    expect(through.indexOf("g")).toBeLessThanOrEqual(2);
  });

  it("takes ten thousand who leave as they come through, without one within the other", () => {
    const gates = createGates(() => 1);
    const way = { account: "acme", gates: [{ name: "one", limit: () => 1 }] };
    const first = gates.enter(way, () => undefined);
    let left = 0;
    for (let i = 0; i < 10_000; i++) {
      gates.enter(way, (pass) => {
        left++;
        pass.leave();
      });
    }
    first.leave();
    expect(left).toBe(10_000);
  });

  it("never lets more through than its limits say, and all of them at last, whatever they do", () => {
    const step = fc.oneof(
      fc.record({ enter: fc.constantFrom("a", "b", "c"), ahead: fc.boolean() }),
      fc.record({ leave: fc.nat(20) }),
      fc.record({ limit: fc.integer({ min: 0, max: 3 }) }),
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const gates = createGates((account) => account === "a" ? 2 : 1);
      let limit = 2;
      let hasFallen = false;
      const inside = new Map<string, Set<number>>();
      const passes: { account: string; pass: Pass }[] = [];
      let through = 0;
      const all = { name: "all", limit: () => 3 };
      for (const one of steps) {
        if ("limit" in one) {
          hasFallen ||= one.limit < limit;
          limit = one.limit;
          gates.widen();
        } else if ("leave" in one) {
          const found = passes[one.leave];
          if (found === undefined) continue;
          inside.get(found.account)?.delete(one.leave);
          found.pass.leave();
        } else {
          const account = one.enter;
          const index = passes.length;
          const own = { name: account, limit: () => limit };
          let isEntering = true;
          const pass = gates.enter({ account, gates: [own, all], ahead: one.ahead }, () => {
            through++;
            const here = inside.get(account) ?? new Set();
            inside.set(account, here.add(index));
            // Who was through its own gate before the limit fell may go on.
            if (isEntering || !hasFallen) expect(here.size).toBeLessThanOrEqual(limit);
            const total = [...inside.values()].reduce((sum, { size }) => sum + size, 0);
            expect(total).toBeLessThanOrEqual(3);
          });
          isEntering = false;
          passes.push({ account, pass });
        }
      }
      limit = 3;
      gates.widen();
      const before = through;
      for (const [index, { account, pass }] of passes.entries()) {
        inside.get(account)?.delete(index);
        pass.leave();
      }
      expect(through).toBeGreaterThanOrEqual(before);
      // Nobody is left behind or in front of a gate: the next three go straight through.
      through = 0;
      for (const account of ["a", "b", "c"]) {
        const own = { name: account, limit: () => 1 };
        gates.enter({ account, gates: [own, all] }, () => through++);
      }
      expect(through).toBe(3);
    }));
  });
});

/**
 * Token buckets, what they forget first, and places in flight.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clientShare, createLoad } from "../../../edge/webhooks/load.ts";
import { createRateGate, isActive, SOURCE_SHARES } from "../../../edge/webhooks/rate.ts";

describe("a rate gate", () => {
  it("never lets more through than burst plus what flowed back", () => {
    fc.assert(fc.property(
      fc.double({ min: 0.01, max: 100, noNaN: true }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.nat(2000), { maxLength: 200 }),
      (rps, burst, gapsMs) => {
        const gate = createRateGate({ rps, burst });
        let nowMs = 0;
        let passed = 0;
        for (const gapMs of gapsMs) {
          nowMs += gapMs;
          if (gate.takeClient("a", nowMs) === 0) passed++;
        }
        expect(passed).toBeLessThanOrEqual(burst + nowMs / 1000 * rps + 1e-6);
      },
    ));
  });

  it("lets a client through that waits as long as it was told", () => {
    fc.assert(fc.property(
      fc.double({ min: 0.001, max: 100, noNaN: true }),
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.nat(5000), { minLength: 1, maxLength: 50 }),
      (rps, burst, gapsMs) => {
        const gate = createRateGate({ rps, burst });
        let nowMs = 1_700_000_000_000;
        for (const gapMs of gapsMs) {
          nowMs += gapMs;
          const waitSecs = gate.takeClient("a", nowMs);
          if (waitSecs === 0) continue;
          nowMs += waitSecs * 1000;
          expect(gate.takeClient("a", nowMs)).toBe(0);
        }
      },
    ));
  });

  it("does not mind a clock that goes back", () => {
    const gate = createRateGate({ rps: 1, burst: 1 });
    expect(gate.takeClient("a", 10_000)).toBe(0);
    expect(gate.takeClient("a", 0)).toBe(1);
  });

  it("forgets the stranger not seen for longest, as a list in order of use would", () => {
    fc.assert(fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.integer({ min: 0, max: 8 }).map(String), { maxLength: 100 }),
      (remembered, keys) => {
        // With one token that never comes back, a client passes exactly when it is not remembered.
        const gate = createRateGate({ rps: 1e-9, burst: 1 }, remembered);
        let used: string[] = [];
        for (const key of keys) {
          expect(gate.takeClient(key, 0) === 0).toBe(!used.includes(key));
          used = [...used.filter((other) => other !== key), key].slice(-remembered);
        }
      },
    ));
  });

  it("remembers who has proven itself through any flood of strangers", () => {
    const gate = createRateGate({ rps: 1e-9, burst: 1 }, 10);
    expect(gate.takeClient("friend", 0)).toBe(0);
    expect(gate.takeSource("friend", 0)).toBe(0);
    for (let i = 0; i < 1000; i++) gate.takeClient(`stranger ${i}`, 0);
    expect(gate.takeClient("friend", 0)).toBeGreaterThan(0);
    expect(gate.takeClient("stranger 0", 0)).toBe(0);
  });

  it("bounds all proven clients together, whatever their addresses", () => {
    const gate = createRateGate({ rps: 1, burst: 2 });
    let passed = 0;
    while (gate.takeSource(`client ${passed}`, 0) === 0) passed++;
    expect(passed).toBe(2 * SOURCE_SHARES);
  });

  it("is not built for a limit of 0", () => {
    expect([{ rps: 0, burst: 5 }, { rps: 5, burst: 0 }, null].map(isActive)).toEqual([
      false,
      false,
      false,
    ]);
    expect(isActive({ rps: 0.1, burst: 1 })).toBe(true);
  });
});

describe("load", () => {
  it("holds the cap, and gives each place back once", () => {
    const load = createLoad();
    expect([load.enter("a", 2), load.enter("b", 2), load.enter("c", 2)]).toEqual([
      true,
      true,
      false,
    ]);
    load.leave("a");
    expect([load.enter("c", 2), load.inFlight]).toEqual([true, 2]);
  });

  it("leaves room for others when one client takes all it can", () => {
    const load = createLoad();
    let own = 0;
    while (load.enter("greedy", 512)) own++;
    expect(own).toBe(clientShare(512));
    expect(load.enter("other", 512)).toBe(true);
  });

  it("knows no cap at 0", () => {
    const load = createLoad();
    expect(Array.from({ length: 2000 }, () => load.enter("a", 0)).every(Boolean)).toBe(true);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMeter } from "../../../../core/flow/meter.ts";
import { readPrometheus, valueOf } from "../../../support/prometheus.ts";

describe("createMeter()", () => {
  it("tells any label text so that a reader gets it back", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(fc.string({ minLength: 1 }), fc.string({ minLength: 1 })), {
          maxLength: 20,
          selector: String,
        }),
        async (pairs) => {
          const meter = createMeter();
          const counter = meter.counter({ name: "calls_total", help: "Calls", labels: ["a", "b"] });
          for (const [i, [a, b]] of pairs.entries()) counter.add(i + 1, a, b);
          const families = readPrometheus(await meter.render());
          for (const [i, [a, b]] of pairs.entries()) {
            expect(valueOf(families, "calls_total", { a, b })).toBe(i + 1);
          }
          expect(families.get("calls_total")?.samples).toHaveLength(pairs.length);
        },
      ),
    );
  });

  it("counts values into every bucket they are below, and what is above all of them", async () => {
    const meter = createMeter();
    const histogram = meter.histogram({ name: "wait_seconds", help: "Waits", bounds: [0.1, 1] });
    for (const value of [0.05, 0.1, 0.5, 7]) histogram.observe(value);
    const families = readPrometheus(await meter.render());
    const bucket = (le: string) => valueOf(families, "wait_seconds_bucket", { le });
    expect([bucket("0.1"), bucket("1"), bucket("+Inf")]).toEqual([2, 3, 4]);
    expect(valueOf(families, "wait_seconds_count")).toBe(4);
    expect(valueOf(families, "wait_seconds_sum")).toBeCloseTo(7.65);
  });

  it("counts together what would be too many series", async () => {
    const meter = createMeter({ maxSeries: 3 });
    const counter = meter.counter({ name: "x_total", help: "X", labels: ["who"] });
    for (let i = 0; i < 100; i++) counter.add(1, `tenant-${i}`);
    const families = readPrometheus(await meter.render());
    expect(families.get("x_total")?.samples).toHaveLength(4);
    expect(valueOf(families, "x_total", { who: "_other" })).toBe(97);
  });

  it("leaves an empty label out, shows what never happened as 0, and refuses a name twice", async () => {
    const meter = createMeter();
    meter.counter({ name: "quiet_total", help: "Q" });
    meter.counter({ name: "a_total", help: "A", labels: ["tenant"] }).add(1, "");
    expect(await meter.render()).toContain("\nquiet_total 0\n");
    expect(await meter.render()).toContain("\na_total 1\n");
    expect(() => meter.counter({ name: "a_total", help: "A" })).toThrow(/taken/);
  });

  it("reads values at the scrape, and a reading that fails costs nobody else", async () => {
    const failed: string[] = [];
    const meter = createMeter({ onError: (name) => void failed.push(name) });
    let depth = 1;
    meter.reads({ name: "bad", help: "B", type: "gauge" }, () => Promise.reject(new Error("no")));
    meter.reads({ name: "depth", help: "D", type: "gauge", labels: ["q"] }, () => [[depth, "in"]]);
    depth = 5;
    const families = readPrometheus(await meter.render());
    expect(valueOf(families, "depth", { q: "in" })).toBe(5);
    expect([families.get("bad")?.samples, failed]).toEqual([[], ["bad"]]);
  });
});

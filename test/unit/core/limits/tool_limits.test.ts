/**
 * Tool limits: which one holds, what it counts, and that it is never passed.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  AgentToolRateLimits,
  BindingToolRateLimits,
} from "../../../../core/contract/config/limits.ts";
import {
  createToolLimits,
  type ToolCallClaim,
  type ToolLimitSet,
} from "../../../../core/limits/tool_limits.ts";

const claim = (
  patterns: ToolLimitSet["patterns"],
  more: Partial<ToolCallClaim> = {},
): ToolCallClaim => ({
  account: "acme",
  agentId: "ana",
  bindingId: "webchat:acme",
  tool: { name: "ext_mem_memory_delete", ownName: "memory_delete" },
  limits: { agent: { patterns } },
  ...more,
});
const once = { rps: 0.001, burst: 1 };
const twice = { rps: 0.001, burst: 2 };
const thrice = { rps: 0.001, burst: 3 };

/** How many calls of a claim pass at one moment, 10 at most. */
function passes(wanted: ToolCallClaim, limits = createToolLimits({ now: () => 0 })): number {
  let passed = 0;
  while (passed < 10 && limits.take(wanted).ok) passed += 1;
  return passed;
}

describe("createToolLimits() chooses a limit", () => {
  it("by exact name, then by most literal characters, then _default", () => {
    const all = { "*": thrice, "memory_*": twice, memory_delete: once, _default: thrice };
    expect(passes(claim(all))).toBe(1);
    expect(passes(claim({ "*": thrice, "*_delete": once, "m*": thrice, _default: thrice }))).toBe(
      1,
    );
    expect(passes(claim({ other: once, _default: twice }))).toBe(2);
    expect(passes(claim({ "*": twice, _default: once }))).toBe(2);
  });

  it("by the child's own or the model-visible name", () => {
    expect(passes(claim({ ext_mem_memory_delete: once }))).toBe(1);
    expect(passes(claim({ "ext_mem_*": twice }))).toBe(2);
    expect(passes(claim({ memory_delete: thrice }))).toBe(3);
  });

  it("and finds none where no pattern fits", () => {
    expect(passes(claim({ "memory_*_x": once, delete: once, "*memory": once }))).toBe(10);
    expect(passes(claim({}, { limits: {} }))).toBe(10);
  });

  it("does not take _default for a tool's name, nor a prototype's members for limits", () => {
    const tool = { name: "toString", ownName: "_default" };
    expect(passes(claim({ _default: twice, "*": thrice }, { tool }))).toBe(3);
    expect(passes(claim({}, { tool, bindingId: "constructor" }))).toBe(10);
  });

  it("from the binding alone when the agent has none", () => {
    expect(passes(claim({}, { limits: { binding: { patterns: { "*": once } } } }))).toBe(1);
  });

  it("from the binding over the agent, and keeps the agent's for what the binding leaves out", () => {
    const agent = { patterns: { memory_delete: once, "x*": once, _default: twice } };
    const over = (patterns: ToolLimitSet["patterns"], replace = false) =>
      passes(claim({}, { limits: { agent, binding: { patterns, replace } } }));
    expect(over({ memory_delete: thrice })).toBe(3);
    expect(over({ "*": thrice })).toBe(1);
    expect(over({ other: thrice })).toBe(1);
    expect(over({ "*": thrice }, true)).toBe(3);
    expect(over({ other: thrice }, true)).toBe(10);
  });

  it("from the agent's own block for the binding", () => {
    const agent = {
      patterns: { memory_delete: once },
      bindings: { "webchat:acme": { memory_delete: twice } },
    };
    expect(passes(claim({}, { limits: { agent } }))).toBe(2);
    expect(passes(claim({}, { limits: { agent }, bindingId: "webchat:globex" }))).toBe(1);
    expect(passes(claim({}, { limits: { agent }, bindingId: null }))).toBe(1);
  });

  it("as the config schemas read them", () => {
    const agent = AgentToolRateLimits.parse({ "webchat:acme": { memory_delete: "2/min" } });
    const binding = BindingToolRateLimits.parse({ patterns: { memory_delete: { rps: 0.5 } } });
    expect(passes(claim({}, { limits: { agent } }))).toBe(2);
    expect(passes(claim({}, { limits: { agent, binding } }))).toBe(1);
  });
});

describe("createToolLimits() counts", () => {
  it("apart for each tenant, agent, binding and tool", () => {
    const limits = createToolLimits({ now: () => 0 });
    const base = claim({ "*": once });
    const others: ToolCallClaim[] = [
      base,
      { ...base, account: "globex" },
      { ...base, agentId: "bob" },
      { ...base, bindingId: "webchat:globex" },
      { ...base, bindingId: null },
      { ...base, tool: { name: "ext_mem_list", ownName: "list" } },
    ];
    for (const other of others) expect(limits.take(other).ok).toBe(true);
    for (const other of others) expect(limits.take(other).ok).toBe(false);
  });

  it("and refuses with the rate, the wait and a marker", () => {
    let nowMs = 0;
    const limits = createToolLimits({ now: () => nowMs });
    const wanted = claim({ memory_delete: { rps: 10 / 60, burst: 1 } });
    limits.take(wanted);
    nowMs = 1000;
    expect(limits.take(wanted)).toEqual({
      ok: false,
      rps: 10 / 60,
      retryAfterMs: 5000,
      marker: "rate_limited:tool=ext_mem_memory_delete,binding=webchat:acme,rps=0.166667",
    });
    expect(limits.take({ ...wanted, bindingId: null }).ok).toBe(true);
    expect(limits.take({ ...wanted, bindingId: null })).toMatchObject({
      marker: expect.stringContaining("binding=none") as unknown,
    });
    nowMs = 6000;
    expect(limits.take(wanted).ok).toBe(true);
  });

  it("nothing for rps 0, which means no limit here as everywhere", () => {
    expect(passes(claim({ "*": { rps: 0, burst: 1 } }))).toBe(10);
  });

  it("against a changed limit at once, without a fresh burst", () => {
    const limits = createToolLimits({ now: () => 0 });
    expect(passes(claim({ "*": thrice }), limits)).toBe(3);
    expect(passes(claim({ "*": { rps: 0.001, burst: 9 } }), limits)).toBe(0);
  });

  it("afresh for an agent that was deleted, and for it only", () => {
    const limits = createToolLimits({ now: () => 0 });
    const [ana, bob] = [claim({ "*": once }), claim({ "*": once }, { agentId: "bob" })];
    limits.take(ana);
    limits.take(bob);
    limits.forgetAgent("ana");
    expect([limits.take(ana).ok, limits.take(bob).ok]).toEqual([true, false]);
  });

  it("in a bounded number of buckets, dropping what was not used for longest", () => {
    const limits = createToolLimits({ now: () => 0, maxBuckets: 2 });
    const [a, b, c] = ["a", "b", "c"].map((account) => claim({ "*": once }, { account }));
    for (const wanted of [a, b, a, c]) if (wanted !== undefined) limits.take(wanted);
    expect(a !== undefined && limits.take(a).ok).toBe(false);
    expect(b !== undefined && limits.take(b).ok).toBe(true);
  });

  it("never more than burst + rps × t in any window, whatever the clock does", () => {
    fc.assert(fc.property(
      fc.double({ min: 0.01, max: 50, noNaN: true }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.integer({ min: -500, max: 2000 }), { minLength: 1, maxLength: 200 }),
      (rps, burst, steps) => {
        let nowMs = 10_000;
        const limits = createToolLimits({ now: () => nowMs });
        const patterns = { "*": { rps, burst } };
        const grants: number[] = [];
        let highestMs = -Infinity;
        for (const step of steps) {
          nowMs += step;
          highestMs = Math.max(highestMs, nowMs);
          if (limits.take(claim(patterns)).ok) grants.push(highestMs);
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

  it("a call as due once retryAfterMs has passed", () => {
    fc.assert(fc.property(
      fc.double({ min: 0.001, max: 1000, noNaN: true }),
      fc.integer({ min: 1, max: 5 }),
      (rps, burst) => {
        let nowMs = 0;
        const limits = createToolLimits({ now: () => nowMs });
        const patterns = { "*": { rps, burst } };
        for (let i = 0; i < 20; i++) {
          const verdict = limits.take(claim(patterns));
          if (verdict.ok) continue;
          nowMs += verdict.retryAfterMs;
          expect(limits.take(claim(patterns)).ok).toBe(true);
        }
      },
    ));
  });
});

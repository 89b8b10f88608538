/**
 * Tool limits: which one holds, and whose calls it counts.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import {
  AgentToolRateLimits,
  BindingToolRateLimits,
} from "../../../../core/contract/config/limits.ts";
import type { ToolCallClaim, ToolLimitSet } from "../../../../core/limits/tool_limits.ts";
import { openTestLimits } from "../../../support/limits.ts";

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
async function passes(
  wanted: ToolCallClaim,
  limits = openTestLimits({ now: () => 0 }),
): Promise<number> {
  let passed = 0;
  while (passed < 10 && (await limits.take(wanted)).ok) passed += 1;
  return passed;
}

describe("createToolLimits() chooses a limit", () => {
  it("R3: by exact name, then by most literal characters, then _default", async () => {
    const all = { "*": thrice, "memory_*": twice, memory_delete: once, _default: thrice };
    expect(await passes(claim(all))).toBe(1);
    expect(await passes(claim({ "*": thrice, "*_delete": once, "m*": thrice, _default: thrice })))
      .toBe(
        1,
      );
    expect(await passes(claim({ other: once, _default: twice }))).toBe(2);
    expect(await passes(claim({ "*": twice, _default: once }))).toBe(2);
  });

  it("by the child's own or the model-visible name", async () => {
    expect(await passes(claim({ ext_mem_memory_delete: once }))).toBe(1);
    expect(await passes(claim({ "ext_mem_*": twice }))).toBe(2);
    expect(await passes(claim({ memory_delete: thrice }))).toBe(3);
  });

  it("and finds none where no pattern fits", async () => {
    expect(await passes(claim({ "memory_*_x": once, delete: once, "*memory": once }))).toBe(10);
    expect(await passes(claim({}, { limits: {} }))).toBe(10);
  });

  it("does not take _default for a tool's name, nor a prototype's members for limits", async () => {
    const tool = { name: "toString", ownName: "_default" };
    expect(await passes(claim({ _default: twice, "*": thrice }, { tool }))).toBe(3);
    expect(await passes(claim({}, { tool, bindingId: "constructor" }))).toBe(10);
  });

  it("R2: from the binding alone when the agent has none", async () => {
    expect(await passes(claim({}, { limits: { binding: { patterns: { "*": once } } } }))).toBe(1);
  });

  it("from the binding over the agent, and keeps the agent's for what the binding leaves out", async () => {
    const agent = { patterns: { memory_delete: once, "x*": once, _default: twice } };
    const over = (patterns: ToolLimitSet["patterns"], replace = false) =>
      passes(claim({}, { limits: { agent, binding: { patterns, replace } } }));
    expect(await over({ memory_delete: thrice })).toBe(3);
    expect(await over({ "*": thrice })).toBe(1);
    expect(await over({ other: thrice })).toBe(1);
    expect(await over({ "*": thrice }, true)).toBe(3);
    expect(await over({ other: thrice }, true)).toBe(10);
  });

  it("from the agent's own block for the binding", async () => {
    const agent = {
      patterns: { memory_delete: once },
      bindings: { "webchat:acme": { memory_delete: twice } },
    };
    expect(await passes(claim({}, { limits: { agent } }))).toBe(2);
    expect(await passes(claim({}, { limits: { agent }, bindingId: "webchat:globex" }))).toBe(1);
    expect(await passes(claim({}, { limits: { agent }, bindingId: null }))).toBe(1);
  });

  it("as the config schemas read them", async () => {
    const agent = AgentToolRateLimits.parse({ "webchat:acme": { memory_delete: "2/min" } });
    const binding = BindingToolRateLimits.parse({ patterns: { memory_delete: { rps: 0.5 } } });
    expect(await passes(claim({}, { limits: { agent } }))).toBe(2);
    expect(await passes(claim({}, { limits: { agent, binding } }))).toBe(1);
  });
});

describe("createToolLimits() counts", () => {
  it("R1: apart for each tenant, agent, binding and tool", async () => {
    const limits = openTestLimits({ now: () => 0 });
    const base = claim({ "*": once });
    const others: ToolCallClaim[] = [
      base,
      { ...base, account: "globex" },
      { ...base, agentId: "bob" },
      { ...base, bindingId: "webchat:globex" },
      { ...base, bindingId: null },
      { ...base, tool: { name: "ext_mem_list", ownName: "list" } },
    ];
    for (const other of others) expect((await limits.take(other)).ok).toBe(true);
    for (const other of others) expect((await limits.take(other)).ok).toBe(false);
  });

  it("and refuses with the rate, the wait and a marker", async () => {
    let nowMs = 0;
    const limits = openTestLimits({ now: () => nowMs });
    const wanted = claim({ memory_delete: { rps: 10 / 60, burst: 1 } });
    await limits.take(wanted);
    nowMs = 1000;
    expect(await limits.take(wanted)).toEqual({
      ok: false,
      rps: 10 / 60,
      retryAfterMs: 5000,
      marker: "rate_limited:tool=ext_mem_memory_delete,binding=webchat:acme,rps=0.166667",
    });
    expect((await limits.take({ ...wanted, bindingId: null })).ok).toBe(true);
    expect(await limits.take({ ...wanted, bindingId: null })).toMatchObject({
      marker: expect.stringContaining("binding=none") as unknown,
    });
    nowMs = 6000;
    expect((await limits.take(wanted)).ok).toBe(true);
  });

  it("R6: nothing for rps 0, which means no limit here as everywhere", async () => {
    expect(await passes(claim({ "*": { rps: 0, burst: 1 } }))).toBe(10);
  });

  it("R7: against a changed limit at once: what was used stays used", async () => {
    const limits = openTestLimits({ now: () => 0 });
    expect(await passes(claim({ "*": thrice }), limits)).toBe(3);
    expect(await passes(claim({ "*": { rps: 0.001, burst: 7 } }), limits)).toBe(4);
    expect(await passes(claim({ "*": twice }), limits)).toBe(0);
  });

  it("with a token again after one time of a lowered limit, not after those of all it had taken", async () => {
    let nowMs = 0;
    const limits = openTestLimits({ now: () => nowMs });
    const hourly = (burst: number) => claim({ "*": { rps: burst / 3600, burst } });
    expect(await passes({ ...hourly(10) }, limits)).toBe(10);
    expect(await limits.take(hourly(1))).toMatchObject({ ok: false, retryAfterMs: 3_600_000 });
    nowMs = 3_600_000;
    expect(await passes(hourly(1), limits)).toBe(1);
  });

  it("by the rules of a reload for tools that are not called meanwhile", async () => {
    let nowMs = 0;
    const limits = openTestLimits({ now: () => nowMs });
    const [slow, fast] = [{ "*": { rps: 0.001, burst: 3 } }, { "*": { rps: 1, burst: 3 } }];
    expect(await passes(claim(slow), limits)).toBe(3);
    await limits.reload(() => ({ agent: { patterns: fast } }));
    nowMs = 2000;
    await limits.reload(() => ({ agent: { patterns: slow } }));
    nowMs = 3000;
    expect(await passes(claim(slow), limits)).toBe(2);
  });
});

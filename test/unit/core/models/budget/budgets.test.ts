/**
 * Budgets under concurrency: never more spent than allowed, whatever the order.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AgentEvent, TenantBudgets } from "../../../../../core/contract/mod.ts";
import { createBudgets } from "../../../../../core/models/budget/budgets.ts";
import type { SpentRow } from "../../../../../core/models/budget/usage.ts";

const never = new AbortController().signal;
const ana = { account: "acme", agentId: "ana" };
const START_MS = Date.UTC(2026, 0, 31, 23, 0);

function open(
  yaml: Parameters<typeof TenantBudgets.parse>[0],
  { spent = [] as SpentRow[], clock = { ms: START_MS } } = {},
) {
  const refusals: AgentEvent[] = [];
  const budgets = createBudgets({
    budgetsOf: (account) => account === "acme" ? TenantBudgets.parse(yaml) : undefined,
    readSpent: () => Promise.resolve(spent),
    onRefused: (_account, event) => void refusals.push(event),
    now: () => clock.ms,
  });
  return { budgets, refusals, clock };
}

describe("createBudgets()", () => {
  it("never lets calls spend more than the budget, in any order of starts and ends", async () => {
    const calls = fc.array(
      fc.record({
        need: fc.integer({ min: 1, max: 60 }),
        part: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      { minLength: 1, maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(calls, fc.integer({ min: 1, max: 200 }), async (wanted, limit) => {
        const { budgets } = open({ tokens_per_day: limit });
        let spent = 0;
        let refused = 0;
        await Promise.all(wanted.map(async ({ need, part }) => {
          try {
            const room = await budgets.reserve(ana, { tokens: need, micros: 0 }, never);
            await Promise.resolve();
            const real = Math.floor(need * part);
            spent += real;
            room.settle({ tokens: real, micros: 0 });
          } catch (error) {
            refused += 1;
            expect(error).toMatchObject({
              code: "budget_exceeded",
              budget: "tokens_per_day",
              limit,
            });
          }
        }));
        expect(spent).toBeLessThanOrEqual(limit);
        const total = wanted.reduce((sum, { need }) => sum + need, 0);
        if (total <= limit) expect(refused).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it("waits for calls under way instead of refusing what will fit", async () => {
    const { budgets } = open({ tokens_per_day: 100 });
    const first = await budgets.reserve(ana, { tokens: 90, micros: 0 }, never);
    const second = budgets.reserve(ana, { tokens: 50, micros: 0 }, never);
    first.settle({ tokens: 10, micros: 0 });
    (await second).settle({ tokens: 50, micros: 0 });
    await expect(budgets.reserve(ana, { tokens: 41, micros: 0 }, never)).rejects.toMatchObject({
      used: 60,
      limit: 100,
      agentId: null,
    });
  });

  it("lets go of a caller that stops waiting", async () => {
    const { budgets } = open({ tokens_per_day: 100 });
    const first = await budgets.reserve(ana, { tokens: 90, micros: 0 }, never);
    const stop = new AbortController();
    const waiting = budgets.reserve(ana, { tokens: 50, micros: 0 }, stop.signal);
    await Promise.resolve();
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    first.settle({ tokens: 0, micros: 0 });
    (await budgets.reserve(ana, { tokens: 100, micros: 0 }, never)).settle({
      tokens: 1,
      micros: 0,
    });
  });

  it("names the agent whose budget it is, and leaves other agents alone", async () => {
    const { budgets } = open({ tokens_per_day: 100, agents: { ana: { tokens_per_month: 10 } } });
    await expect(budgets.reserve(ana, { tokens: 11, micros: 0 }, never)).rejects.toMatchObject({
      agentId: "ana",
      budget: "tokens_per_month",
      resetsAtMs: Date.UTC(2026, 1, 1),
      message: expect.stringMatching(/"ana".*"acme".*0 of 10 tokens.*2026-02-01T00:00/) as string,
    });
    const bob = { ...ana, agentId: "bob" };
    (await budgets.reserve(bob, { tokens: 100, micros: 0 }, never)).settle({
      tokens: 1,
      micros: 0,
    });
  });

  it("begins with what the ledger says, and anew when the day and the month end", async () => {
    const day = Math.floor(START_MS / 86_400_000);
    const spent = [
      { day: day - 3, agent_id: "ana", tokens: 30, micros: 0 },
      { day, agent_id: "ana", tokens: 60, micros: 0 },
    ];
    const { budgets, clock } = open({ tokens_per_day: 70, tokens_per_month: 100 }, { spent });
    const ask = (tokens: number) => budgets.reserve(ana, { tokens, micros: 0 }, never);
    await expect(ask(11)).rejects.toMatchObject({ budget: "tokens_per_day", used: 60 });
    const late = await ask(10);
    clock.ms += 3_600_000;
    const next = await ask(70);
    late.settle({ tokens: 10, micros: 0 });
    next.settle({ tokens: 70, micros: 0 });
    await expect(ask(1)).rejects.toMatchObject({ budget: "tokens_per_day", used: 70 });
  });

  it("tells of each part of a budget once, and of the first refusal", async () => {
    const { budgets, refusals } = open({
      tokens_per_day: 100,
      warn_at: [0.5, 0.9],
      downgrade: { at: 0.8, provider: "p", model: "small" },
    });
    const spend = async (tokens: number) =>
      (await budgets.reserve(ana, { tokens, micros: 0 }, never)).settle({ tokens, micros: 0 })
        .map((event) => event.kind === "budget_threshold" && [event.action, event.threshold]);
    expect(await spend(49)).toEqual([]);
    expect(await spend(1)).toEqual([["warn", 0.5]]);
    expect(await budgets.downgraded(ana)).toBeUndefined();
    expect(await spend(45)).toEqual([["warn", 0.9], ["downgrade", 0.8]]);
    expect(await budgets.downgraded(ana)).toMatchObject({ model: "small" });
    await expect(spend(6)).rejects.toThrow();
    await expect(spend(6)).rejects.toThrow();
    expect(refusals).toMatchObject([{ action: "refuse", used: 95, limit: 100 }]);
  });

  it("only tells when it is to warn", async () => {
    const { budgets } = open({ tokens_per_day: 10, when_exceeded: "warn" });
    const room = await budgets.reserve(ana, { tokens: 50, micros: 0 }, never);
    expect(room.settle({ tokens: 50, micros: 0 })).toMatchObject([{ action: "warn", used: 50 }]);
  });
});

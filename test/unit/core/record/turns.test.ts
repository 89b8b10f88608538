import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  rowsForTurn,
  tailForAccount,
  tailForOperator,
  type TurnPage,
  type TurnQuery,
} from "../../../../core/record/turns.ts";
import { openTestStore } from "../../../support/store.ts";
import { turn, turnDeps } from "./samples.ts";

async function readAll(
  tail: (query: TurnQuery) => Promise<TurnPage>,
  limit: number,
): Promise<string[]> {
  const seen: string[] = [];
  let cursor: number | undefined;
  do {
    const page = await tail({ limit, cursor });
    seen.push(...page.turns.map(({ turn_id }) => turn_id));
    cursor = page.cursor;
  } while (cursor !== undefined && seen.length < 100);
  return seen;
}

describe("rowsForTurn", () => {
  it("keeps a turn as the command line shows it, its error redacted and cut", async () => {
    await using test = await openTestStore();
    const error = `model_failed: told a@b.co ${"x".repeat(600)}`;
    await test.store.commit(rowsForTurn(turn("acme", 4, { outcome: "error", error }), turnDeps()));
    const { turns } = await tailForAccount(test.store, "acme");
    expect(turns).toEqual([{
      turn_id: "turn-acme-4",
      account_id: "acme",
      agent_id: "ana",
      session_id: "session-1",
      binding_id: "web:acme",
      channel: "web",
      instance: "acme",
      trigger: "channel",
      envelope_id: null,
      delivery_id: "delivery-4",
      outcome: "error",
      error: `model_failed: told [REDACTED:email] ${"x".repeat(600)}`.slice(0, 512),
      tokens_in: 14,
      tokens_out: 5,
      tokens_cached: 0,
      cost_micros: 3,
      tool_calls: 0,
      duration_ms: 250,
      started_at_ms: 4000,
      finished_at_ms: 4250,
      provider: "offline",
      model: "echo",
      attempts: 1,
      trace_id: null,
    }]);
  });

  it("refuses to put one turn on record twice", async () => {
    await using test = await openTestStore();
    await test.store.commit(rowsForTurn(turn("acme", 1), turnDeps()));
    await expect(test.store.commit(rowsForTurn(turn("acme", 1), turnDeps())))
      .rejects.toMatchObject({ code: "conflict" });
    expect((await tailForAccount(test.store, "acme")).turns).toHaveLength(1);
  });

  it("keeps nothing of the content it vouches for", async () => {
    await using test = await openTestStore();
    const content = JSON.stringify({ said: "a planted secret", sender: "573001112233" });
    await test.store.commit(rowsForTurn(turn("acme", 1, { content }), turnDeps()));
    const rows = JSON.stringify(await test.store.read("SELECT * FROM turns"));
    expect(rows).not.toContain("planted");
    expect(rows).not.toContain("573001112233");
  });

  it("does not let a clock that was set back make a negative duration", async () => {
    await using test = await openTestStore();
    await test.store.commit(
      rowsForTurn(turn("acme", 1, { startedAtMs: 500, finishedAtMs: 400 }), turnDeps()),
    );
    expect((await tailForAccount(test.store, "acme")).turns[0]?.duration_ms).toBe(0);
  });
});

describe("turn tails", () => {
  it("U1: never show a tenant what is another's, and lose or repeat nothing", async () => {
    const accounts = ["acme", "globex", "a", "a-b", "default"];
    const plan = fc.array(fc.constantFrom(...accounts), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(plan, fc.integer({ min: 1, max: 60 }), async (owners, limit) => {
        await using test = await openTestStore();
        const deps = turnDeps();
        await Promise.all(
          owners.map((account, n) => test.store.commit(rowsForTurn(turn(account, n), deps))),
        );
        const idsOf = (account?: string) =>
          owners.flatMap((owner, n) =>
            account === undefined || owner === account ? [`turn-${owner}-${n}`] : []
          ).reverse();
        for (const account of accounts) {
          const seen = await readAll((query) => tailForAccount(test.store, account, query), limit);
          expect(seen).toEqual(idsOf(account));
        }
        expect(await readAll((query) => tailForOperator(test.store, query), limit)).toEqual(
          idsOf(),
        );
      }),
      { numRuns: 8 },
    );
  });

  it("are empty for tenants nobody knows, whatever they are called", async () => {
    await using test = await openTestStore();
    await test.store.commit(rowsForTurn(turn("acme", 1), turnDeps()));
    for (const account of ["", "%", "_", "ACME", "acme ", "acme' OR '1'='1", "acm"]) {
      expect(await tailForAccount(test.store, account)).toEqual({ turns: [] });
    }
  });

  it("U4: show what finished since a time, in milliseconds", async () => {
    await using test = await openTestStore();
    const deps = turnDeps();
    for (let n = 1; n <= 5; n++) await test.store.commit(rowsForTurn(turn("acme", n), deps));
    const since = async (sinceMs: number) =>
      (await tailForAccount(test.store, "acme", { sinceMs })).turns.map(({ turn_id }) => turn_id);
    expect(await since(4250)).toEqual(["turn-acme-5", "turn-acme-4"]);
    expect(await since(4251)).toEqual(["turn-acme-5"]);
    expect((await tailForOperator(test.store, { sinceMs: 4251 })).turns).toHaveLength(1);
  });
});

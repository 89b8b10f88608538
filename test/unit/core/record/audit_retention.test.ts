import { describe, expect, it } from "vitest";
import { rowsForIntent, rowsForOutcome, tailAudit } from "../../../../core/record/admin_audit.ts";
import { trimAudit } from "../../../../core/record/audit_retention.ts";
import { verifyChain } from "../../../../core/record/chain.ts";
import type { Head } from "../../../../core/record/heads.ts";
import { statement, type Store } from "../../../../core/store/store.ts";
import { openTestStore } from "../../../support/store.ts";
import { intent, outcome } from "./samples.ts";

const DAY_MS = 86_400_000;
const NOW_MS = 1_000 * DAY_MS;

/** Forty calls, one a day until now, of two tenants in turn. */
async function fill(store: Store): Promise<void> {
  for (let n = 1; n <= 40; n++) {
    const atMs = NOW_MS - (40 - n) * DAY_MS;
    const call = intent(n, { account: n % 2 === 0 ? "acme" : "globex", atMs });
    await store.commit([...rowsForIntent(call), ...rowsForOutcome(call, outcome(n, { atMs }))]);
  }
}

async function trim(store: Store, keep: { days?: number; calls?: number }) {
  const checkpoints = new Map<string, Head>();
  const trimmed = await trimAudit({
    store,
    keep: { days: 0, calls: 0, ...keep },
    nowMs: NOW_MS,
    writeCheckpoint: async (head) => {
      // What the statement is about must still be there when it is written.
      const [row] = await store.read<{ hash: string }>(
        "SELECT hash FROM admin_audit WHERE account_id = ? AND offset = ?",
        [head.stream.slice("audit:".length), head.offset],
      );
      expect(row?.hash).toBe(head.hash);
      checkpoints.set(head.stream, head);
    },
  });
  const verify = (account: string) => {
    const checkpoint = checkpoints.get(`audit:${account}`);
    return verifyChain(store, { account, table: "admin_audit", checkpoint });
  };
  return { trimmed, checkpoints, verify };
}

const callsLeft = async (store: Store) => (await tailAudit(store, { limit: 1000 })).calls.length;

describe("trimAudit()", () => {
  it("U2: keeps the newest calls, and chains that go on from a signed statement", async () => {
    await using test = await openTestStore();
    await fill(test.store);
    const { trimmed, verify } = await trim(test.store, { calls: 10 });
    // The outcome of the last call that went is as young as the oldest that stays.
    expect([trimmed, await callsLeft(test.store)]).toEqual([59, 10]);
    for (const account of ["acme", "globex"]) {
      expect(await verify(account)).toMatchObject({ ok: true });
      expect((await verifyChain(test.store, { account, table: "admin_audit" })).ok).toBe(false);
    }
    expect((await trim(test.store, { calls: 10 })).trimmed).toBe(0);
  });

  it("keeps what is young enough, and everything without limits", async () => {
    await using test = await openTestStore();
    await fill(test.store);
    expect((await trim(test.store, {})).trimmed).toBe(0);
    const { trimmed, verify } = await trim(test.store, { days: 7 });
    expect([trimmed, await callsLeft(test.store)]).toEqual([64, 8]);
    expect(await verify("acme")).toMatchObject({ ok: true, rows: 8 });
    const { verify: verifyAfter } = await trim(test.store, { days: 0.5 });
    expect(await callsLeft(test.store)).toBe(1);
    // All of globex went, and its chain goes on counting.
    expect(await verifyAfter("globex")).toMatchObject({ ok: true, rows: 0 });
    await test.store.commit(rowsForIntent(intent(99, { account: "globex", atMs: NOW_MS })));
    expect(await verifyAfter("globex")).toMatchObject({ ok: true, rows: 1 });
  });

  it("does not tidy away what somebody else has cut out", async () => {
    await using test = await openTestStore();
    await fill(test.store);
    await test.store.commit([
      statement("DELETE FROM admin_audit WHERE account_id = 'acme' AND offset = 5", [], 1),
    ]);
    await expect(trim(test.store, { calls: 10 })).rejects.toThrow(/broken at 6/);
    const [row] = await test.store.read<{ n: number }>(
      "SELECT count(*) AS n FROM admin_audit WHERE account_id = 'acme'",
    );
    expect(row?.n).toBe(39);
  });
});

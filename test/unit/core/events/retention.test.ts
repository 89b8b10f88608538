import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { AgentEvent } from "../../../../core/contract/mod.ts";
import { createEventLog } from "../../../../core/events/event_log.ts";
import { rowsForEvents } from "../../../../core/events/event_rows.ts";
import { openRetention, trimEvents } from "../../../../core/events/retention.ts";
import type { Store } from "../../../../core/store/store.ts";
import { openTestStore, silentLog } from "../../../support/store.ts";

const DAY_MS = 86_400_000;
const NOW_MS = 1_000 * DAY_MS;

const at = (atMs: number): AgentEvent => ({
  kind: "microapp_state",
  microapp_id: "shop",
  state: "ready",
  at_ms: atMs,
});

const put = (store: Store, account: string, ages: readonly number[]): Promise<void> =>
  store.commit(rowsForEvents({ account, events: ages.map((days) => at(NOW_MS - days * DAY_MS)) }));

async function offsetsOf(store: Store, account: string): Promise<number[]> {
  const rows = await store.readMany<{ offset: number }>(
    "SELECT offset FROM agent_events WHERE account_id = ? ORDER BY offset",
    [account],
  );
  return rows.map(({ offset }) => offset);
}

const upTo = (count: number, from = 1): number[] =>
  Array.from({ length: count - from + 1 }, (_, i) => from + i);

describe("trimEvents()", () => {
  it("U2: keeps the newest rows of each account, however many batches that takes", async () => {
    await using test = await openTestStore();
    await put(test.store, "acme", Array.from({ length: 1_200 }, () => 0));
    await put(test.store, "globex", Array.from({ length: 10 }, () => 0));
    const batches: number[] = [];
    const trimmed = await trimEvents({
      store: test.store,
      keep: { days: 0, rows: 20 },
      nowMs: NOW_MS,
      onTrimmed: (rows) => void batches.push(rows),
    });
    expect(trimmed).toBe(1_180);
    expect(Math.max(...batches)).toBeLessThanOrEqual(250);
    expect(await offsetsOf(test.store, "acme")).toEqual(upTo(1_200, 1_181));
    expect(await offsetsOf(test.store, "globex")).toEqual(upTo(10));
  });

  it("trims by age also past a row whose clock ran ahead", async () => {
    await using test = await openTestStore();
    await put(test.store, "acme", [-400, 91, 95, 30, 91, 0]);
    await trimEvents({ store: test.store, keep: { days: 90, rows: 0 }, nowMs: NOW_MS });
    expect(await offsetsOf(test.store, "acme")).toEqual([1, 4, 6]);
  });

  it("changes no offset: the next event counts on, also when nothing is left", async () => {
    await using test = await openTestStore();
    await put(test.store, "acme", [100, 100, 100]);
    await trimEvents({ store: test.store, keep: { days: 1, rows: 0 }, nowMs: NOW_MS });
    using log = createEventLog({ store: test.store, log: silentLog });
    expect(await log.range({ account: "acme" })).toEqual({ first: 4, head: 3 });
    await put(test.store, "acme", [0]);
    expect(await offsetsOf(test.store, "acme")).toEqual([4]);
    expect(await log.range("operator")).toEqual({ first: 4, head: 4 });
  });

  it("keeps everything when nothing limits it", async () => {
    await using test = await openTestStore();
    await put(test.store, "acme", [5_000, 0]);
    const keep = { days: 0, rows: 0 };
    expect(await trimEvents({ store: test.store, keep, nowMs: NOW_MS })).toBe(0);
    expect(await offsetsOf(test.store, "acme")).toEqual([1, 2]);
  });

  it("leaves exactly what the rule says, over all accounts, limits and ages", async () => {
    const ages = fc.array(fc.integer({ min: 0, max: 10 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(
        fc.record({ "acme": ages, "a%b_c": ages, "_": ages }),
        fc.nat(8),
        fc.nat(30),
        async (accounts, days, rows) => {
          await using test = await openTestStore();
          for (const [account, own] of Object.entries(accounts)) {
            if (own.length > 0) await put(test.store, account, own);
          }
          await trimEvents({ store: test.store, keep: { days, rows }, nowMs: NOW_MS });
          for (const [account, own] of Object.entries(accounts)) {
            const kept = own.flatMap((age, i) =>
              (days === 0 || age <= days) && (rows === 0 || i >= own.length - rows) ? [i + 1] : []
            );
            expect(await offsetsOf(test.store, account)).toEqual(kept);
          }
        },
      ),
      { numRuns: 10 },
    );
  });

  it("stops between batches, and the next sweep goes on", async () => {
    await using test = await openTestStore();
    await put(test.store, "acme", Array.from({ length: 600 }, () => 0));
    const stop = new AbortController();
    const keep = { days: 0, rows: 10 };
    await expect(trimEvents({
      store: test.store,
      keep,
      nowMs: NOW_MS,
      signal: stop.signal,
      onTrimmed: () => stop.abort(new Error("stopping")),
    })).rejects.toThrow("stopping");
    expect(await offsetsOf(test.store, "acme")).toEqual(upTo(600, 251));
    await trimEvents({ store: test.store, keep, nowMs: NOW_MS });
    expect(await offsetsOf(test.store, "acme")).toEqual(upTo(600, 591));
  });
});

describe("openRetention()", () => {
  it("trims at once, and goes on after a sweep that failed", async () => {
    await using test = await openTestStore();
    await put(test.store, "acme", [0, 0, 0]);
    let failures = 0;
    const flaky: Store = {
      ...test.store,
      readMany: (sql, args) => {
        if (failures++ === 0) return Promise.reject(new Error("a bad moment"));
        return test.store.readMany(sql, args);
      },
    };
    await using _retention = openRetention({
      store: flaky,
      keep: () => ({ days: 0, rows: 1 }),
      now: () => NOW_MS,
      log: silentLog,
      everyMs: 1,
    });
    await expect.poll(() => offsetsOf(test.store, "acme")).toEqual([3]);
  });
});

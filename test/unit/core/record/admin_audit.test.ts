import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  type AuditCursor,
  type AuditQuery,
  rowsForIntent,
  rowsForOutcome,
  tailAudit,
} from "../../../../core/record/admin_audit.ts";
import { formatAuditTable } from "../../../../core/record/audit_table.ts";
import type { Store } from "../../../../core/store/store.ts";
import { openTestStore } from "../../../support/store.ts";
import { intent, outcome } from "./samples.ts";

async function idsOf(store: Store, query: AuditQuery): Promise<number[]> {
  return (await tailAudit(store, query)).calls.map((call) => call.started_at_ms / 1000);
}

describe("tailAudit", () => {
  it("U3: joins intent and outcome, and says when an outcome is not known", async () => {
    await using test = await openTestStore();
    await test.store.commit(rowsForIntent(intent(1)));
    await test.store.commit(
      rowsForOutcome(intent(1), outcome(1, { result: "denied", errorCode: -32004 })),
    );
    await test.store.commit(rowsForIntent(intent(2, { account: undefined })));
    expect((await tailAudit(test.store)).calls).toEqual([
      {
        microapp_id: "shop",
        method: "nexo/admin/agents/get",
        capability: "agents_crud",
        args_hash: "ab".repeat(32),
        started_at_ms: 2000,
        result: "unknown",
        duration_ms: null,
      },
      {
        microapp_id: "shop",
        method: "nexo/admin/agents/get",
        capability: "agents_crud",
        args_hash: "ab".repeat(32),
        started_at_ms: 1000,
        result: "denied",
        duration_ms: 7,
        tenant_id: "acme",
      },
    ]);
  });

  it("filters by microapp, method, result, tenant and time", async () => {
    await using test = await openTestStore();
    const commit = (n: number, made: Parameters<typeof intent>[1], result?: "ok" | "error") =>
      test.store.commit([
        ...rowsForIntent(intent(n, made)),
        ...(result === undefined ? [] : rowsForOutcome(intent(n, made), outcome(n, { result }))),
      ]);
    await commit(1, {}, "ok");
    await commit(2, { microappId: "crm" }, "error");
    await commit(3, { account: "globex", method: "nexo/admin/skills/list" }, "ok");
    await commit(4, { account: undefined });
    expect(await idsOf(test.store, {})).toEqual([4, 3, 2, 1]);
    expect(await idsOf(test.store, { microappId: "crm" })).toEqual([2]);
    expect(await idsOf(test.store, { method: "nexo/admin/skills/list" })).toEqual([3]);
    expect(await idsOf(test.store, { result: "ok" })).toEqual([3, 1]);
    expect(await idsOf(test.store, { result: "unknown" })).toEqual([4]);
    expect(await idsOf(test.store, { tenant: "acme" })).toEqual([2, 1]);
    expect(await idsOf(test.store, { tenant: "nobody" })).toEqual([]);
    expect(await idsOf(test.store, { sinceMs: 3000 })).toEqual([4, 3]);
  });

  it("U4: pages without a gap or a repeat, also among calls of one millisecond", async () => {
    await using test = await openTestStore();
    const total = 30;
    for (let n = 0; n < total; n++) {
      await test.store.commit(
        rowsForIntent(intent(n, { atMs: Math.floor(n / 7), microappId: `m${n}` })),
      );
    }
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), async (limit) => {
        const seen: string[] = [];
        let cursor: AuditCursor | undefined;
        do {
          const page = await tailAudit(test.store, { limit, cursor });
          seen.push(...page.calls.map((call) => call.microapp_id));
          cursor = page.cursor;
        } while (cursor !== undefined && seen.length < 100);
        expect(seen).toEqual(Array.from({ length: total }, (_, n) => `m${total - 1 - n}`));
      }),
      { numRuns: 15 },
    );
  });
});

describe("formatAuditTable", () => {
  it("lays calls out in columns, cut to width, times in UTC", () => {
    const long = {
      microapp_id: "a-microapp-with-a-very-long-name",
      method: `nexo/admin/${"x".repeat(40)}`,
      capability: "c",
      args_hash: "0123456789abcdef",
      started_at_ms: Date.UTC(2026, 10, 24, 2, 8, 40, 999),
      result: "ok",
      duration_ms: 12,
    } as const;
    const unknown = {
      ...long,
      microapp_id: "shop",
      method: "m\u001b[31m",
      result: "unknown",
      duration_ms: null,
    } as const;
    expect(formatAuditTable([long, unknown]).split("\n")).toEqual([
      "started_at                microapp              method                                    result    dur_ms  args_hash",
      "------------------------  --------------------  ----------------------------------------  -------  -------  ----------",
      `2026-11-24T02:08:40Z      a-microapp-with-a-ve  nexo/admin/${
        "x".repeat(29)
      }  ok            12  01234567`,
      "2026-11-24T02:08:40Z      shop                  m?[31m                                    unknown        -  01234567",
      "",
    ]);
  });
});

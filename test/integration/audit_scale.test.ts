/**
 * A hundred thousand rows of audit, tampered with: each wound is found, and the whole is walked aside.
 *
 * @module
 */
import { type Client, createClient } from "@libsql/client";
import { describe, expect, it } from "vitest";
import { AUDIT_HASHED, auditStream } from "../../core/record/admin_audit.ts";
import { hashRow } from "../../core/record/hash.ts";
import { verifyChainsAside } from "../../core/record/verify_thread.ts";
import type { Row } from "../../core/store/store.ts";
import { openTestStore } from "../support/store.ts";

const ACCOUNTS = ["whole", "changed", "removed", "swapped", "truncated"];
const ROWS_EACH = 21_000;
const ROWS_PER_INSERT = 1_000;

/** Rows as the audit makes them, chained, straight into the table. */
async function fill(client: Client, account: string): Promise<{ offset: number; hash: string }> {
  const columns = [...AUDIT_HASHED, "hash"];
  const marks = `(${columns.map(() => "?").join()})`;
  let hash = "";
  for (let from = 1; from <= ROWS_EACH; from += ROWS_PER_INSERT) {
    const args = [];
    for (let offset = from; offset < from + ROWS_PER_INSERT; offset++) {
      const row: Row = {
        id: `${account}-${offset}`,
        account_id: account,
        offset,
        phase: "intent",
        intent_id: `${account}-${offset}`,
        microapp_id: "shop",
        subject: null,
        method: "nexo/admin/agents/get",
        capability: "agents_crud",
        args_hash: "ab".repeat(32),
        tenant_id: account,
        at_ms: 1_700_000_000_000 + offset,
        result: null,
        error_code: null,
        duration_ms: null,
        prev_hash: hash,
      };
      hash = hashRow(hash, row, AUDIT_HASHED);
      args.push(...AUDIT_HASHED.map((name) => row[name] ?? null), hash);
    }
    await client.execute({
      sql: `INSERT INTO admin_audit (${columns.join()}) VALUES ${
        Array.from({ length: ROWS_PER_INSERT }, () => marks).join()
      }`,
      args,
    });
  }
  await client.execute({
    sql: "INSERT INTO streams (name, head, hash) VALUES (?, ?, ?)",
    args: [auditStream(account), ROWS_EACH, hash],
  });
  return { offset: ROWS_EACH, hash };
}

/** What somebody with the database file can do. */
const WOUNDS = [
  // One byte.
  "UPDATE admin_audit SET method = 'nexo/admin/agents/gft' WHERE account_id = 'changed' AND offset = 12345",
  "DELETE FROM admin_audit WHERE account_id = 'removed' AND offset = 7",
  // Through numbers that are free, since two rows never stand at one.
  "UPDATE admin_audit SET offset = -offset WHERE account_id = 'swapped' AND offset IN (500, 501)",
  "UPDATE admin_audit SET offset = 1001 + offset WHERE account_id = 'swapped' AND offset < 0",
  "DELETE FROM admin_audit WHERE account_id = 'truncated' AND offset > 20000",
  `UPDATE streams SET head = 20000, hash = (
     SELECT hash FROM admin_audit WHERE account_id = 'truncated' AND offset = 20000
   ) WHERE name = 'audit:truncated'`,
];

describe("a hundred thousand rows of audit", () => {
  it("show one changed byte, a row removed, rows swapped and a chain truncated", async () => {
    await using test = await openTestStore();
    await test.store[Symbol.asyncDispose]();
    const client = createClient({ url: test.url, concurrency: 1 });
    await client.execute("PRAGMA synchronous=OFF");
    const heads = new Map<string, { offset: number; hash: string }>();
    for (const account of ACCOUNTS) heads.set(account, await fill(client, account));
    for (const sql of WOUNDS) await client.execute(sql);
    client.close();

    let told = 0;
    const queries = ACCOUNTS.map((account) => {
      const head = heads.get(account) ?? { offset: 0, hash: "" };
      const signedHead = { stream: auditStream(account), ...head, atMs: 1 };
      return { account, table: "admin_audit" as const, signedHead };
    });
    const reports = await verifyChainsAside(test.url, queries, (rows) => (told = rows));

    const found = new Map(ACCOUNTS.map((account, i) => [account, reports[i]?.problems ?? []]));
    expect(found.get("whole")).toEqual([]);
    expect(found.get("changed")).toEqual([{ offset: 12345, problem: "the row was changed" }]);
    expect(found.get("removed")).toEqual([{ offset: 8, problem: "the row before it is 6" }]);
    expect(found.get("swapped")?.[0]?.offset).toBe(500);
    expect(found.get("truncated")).toEqual([{
      offset: ROWS_EACH,
      problem: "the signed head is not there: the last row is 20000",
    }]);
    expect(told).toBeGreaterThan(100_000);
    expect(reports.reduce((sum, { rows }) => sum + rows, 0)).toBe(told);
  });
});

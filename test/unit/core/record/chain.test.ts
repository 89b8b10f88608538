import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { rowsForIntent, rowsForOutcome } from "../../../../core/record/admin_audit.ts";
import {
  chainedAccounts,
  type ChainedTable,
  type ChainQuery,
  verifyChain,
} from "../../../../core/record/chain.ts";
import { hashRow } from "../../../../core/record/hash.ts";
import { checkHead, type Head, signHead } from "../../../../core/record/heads.ts";
import {
  rowsForErasedTurns,
  rowsForTurn,
  tailForAccount,
  TURN_HASHED,
} from "../../../../core/record/turns.ts";
import { type Row, statement, type Store, type Value } from "../../../../core/store/store.ts";
import { openTestStore } from "../../../support/store.ts";
import { intent, outcome, turn, turnDeps } from "./samples.ts";

const TABLES = ["turns", "admin_audit"] as const;
const ROWS = 12;

/** Twelve chained rows for `acme` and as many for `globex`, in turns. */
async function fill(store: Store): Promise<void> {
  const deps = turnDeps();
  await store.commit(["acme", "globex"].flatMap((account) => [
    ...Array.from({ length: ROWS }, (_, i) => rowsForTurn(turn(account, i + 1), deps)).flat(),
    ...Array.from({ length: ROWS / 2 }, (_, i) => {
      const n = account === "acme" ? i : 100 + i;
      const call = intent(n, { account, subject: n % 2 === 0 ? "ops" : undefined });
      return [
        ...rowsForIntent(call),
        ...rowsForOutcome(call, outcome(n, { errorCode: -32603, result: "error" })),
      ];
    }).flat(),
  ]));
}

const run = (store: Store, sql: string, ...args: Value[]): Promise<void> =>
  store.commit([statement(sql, args)]);

const verify = (store: Store, table: ChainedTable, rest: Partial<ChainQuery> = {}) =>
  verifyChain(store, { account: "acme", table, ...rest });

/** Another value that the column can hold. */
function other(column: string, value: Value, account: string): Value {
  const choices: Record<string, readonly string[]> = {
    outcome: ["ok", "error", "refused"],
    phase: ["intent", "outcome"],
    result: ["ok", "error", "denied"],
  };
  const allowed = choices[column];
  if (allowed !== undefined) return allowed.find((choice) => choice !== value) ?? null;
  if (column === "account_id") return account;
  if (column === "offset") return Number(value) + 1000;
  if (typeof value === "number") return value + 1;
  if (value === null) return column === "error_code" || column === "duration_ms" ? 1 : "x";
  const text = String(value);
  return text === "" ? "x" : `${text.slice(0, -1)}${text.endsWith("~") ? "^" : "~"}`;
}

describe("verifyChain", () => {
  it.each(TABLES)("finds any one changed column of any row of %s", async (table) => {
    await using test = await openTestStore();
    const { store } = test;
    await fill(store);
    const columns =
      (await store.read<{ name: string }>(`SELECT name FROM pragma_table_info('${table}')`))
        .map(({ name }) => name);
    expect(columns.length).toBeGreaterThan(15);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...columns),
        fc.integer({ min: 1, max: ROWS }),
        fc.boolean(),
        async (column, offset, remove) => {
          const where = "rowid = ?";
          const [row] = await store.read<Row & { rowid: number }>(
            `SELECT rowid, "${column}" AS value FROM ${table} WHERE account_id = 'acme' AND offset = ?`,
            [offset],
          );
          const value = row?.["value"] ?? null;
          const nullable = [
            "content_salt",
            "error",
            "delivery_id",
            "subject",
            "tenant_id",
            "result",
          ];
          const changed = remove && nullable.includes(column) && value !== null
            ? null
            : other(column, value, `nobody-${offset}`);
          const set = `UPDATE ${table} SET "${column}" = ? WHERE ${where}`;
          await run(store, set, changed, row?.rowid ?? 0);
          const tampered = await verify(store, table);
          await run(store, set, value, row?.rowid ?? 0);
          expect(tampered.ok).toBe(false);
          expect(tampered.problems[0]?.problem).not.toBe("");
          expect(await verify(store, table)).toMatchObject({ ok: true, rows: ROWS });
        },
      ),
      { numRuns: 120 },
    );
  });

  it.each(TABLES)(
    "finds a missing row of %s at the beginning, inside and at the end",
    async (table) => {
      for (const offset of [1, 5, ROWS]) {
        await using test = await openTestStore();
        await fill(test.store);
        await run(
          test.store,
          `DELETE FROM ${table} WHERE account_id = 'acme' AND offset = ?`,
          offset,
        );
        expect((await verify(test.store, table)).ok).toBe(false);
        expect((await verify(test.store, table, { account: "globex" })).ok).toBe(true);
      }
    },
  );

  it("finds rows that changed places, a row put in, and a head that was removed", async () => {
    const attacks = [
      "UPDATE turns SET offset = CASE offset WHEN 3 THEN 4 ELSE 3 END WHERE account_id = 'acme' AND offset IN (3, 4)",
      "UPDATE turns SET account_id = 'acme', offset = 13 WHERE account_id = 'globex' AND offset = 12",
      "DELETE FROM streams WHERE name = 'turns:acme'",
      "UPDATE streams SET head = 11 WHERE name = 'turns:acme'",
      "UPDATE streams SET hash = '' WHERE name = 'turns:acme'",
    ];
    for (const [i, sql] of attacks.entries()) {
      await using test = await openTestStore();
      await fill(test.store);
      if (i === 0) await run(test.store, "DROP INDEX turns_by_account");
      await run(test.store, sql);
      expect((await verify(test.store, "turns")).ok, sql).toBe(false);
    }
  });

  it("is fine with an account that has no rows, and with rows written meanwhile", async () => {
    await using test = await openTestStore();
    expect(await verify(test.store, "turns")).toEqual({
      stream: "turns:acme",
      ok: true,
      rows: 0,
      head: { offset: 0, hash: "" },
      problems: [],
    });
    await fill(test.store);
    const deps = turnDeps();
    const slow: Pick<Store, "read" | "readMany"> = {
      read: async (sql, args) => {
        const rows = await test.store.read(sql, args);
        await test.store.commit(rowsForTurn(turn("acme", ROWS + 1 + written++), deps));
        return rows as never;
      },
      readMany: (sql, args) => test.store.readMany(sql, args),
    };
    let written = 0;
    expect(await verifyChain(slow, { account: "acme", table: "turns" })).toMatchObject({
      ok: true,
    });
    expect(written).toBe(2);
  });

  it("does not let a forger rewrite rows, hashes and head once a head was signed", async () => {
    await using test = await openTestStore();
    await fill(test.store);
    const { head } = await verify(test.store, "turns");
    const signed = signHead({ stream: "turns:acme", ...head, atMs: 1 }, "head", sign);
    await rewriteFrom(test.store, 4);
    expect((await verify(test.store, "turns")).ok).toBe(true);
    expect(await verify(test.store, "turns", { signedHead: signed })).toMatchObject({
      ok: false,
      problems: [{ offset: ROWS, problem: "the signed head has another hash" }],
    });
  });

  it("finds a cut tail, head and all, by the signed head", async () => {
    await using test = await openTestStore();
    await fill(test.store);
    const { head } = await verify(test.store, "turns");
    await run(test.store, "DELETE FROM turns WHERE account_id = 'acme' AND offset > 9");
    await run(
      test.store,
      `UPDATE streams SET head = 9, hash = (SELECT hash FROM turns WHERE account_id = 'acme' AND offset = 9)
       WHERE name = 'turns:acme'`,
    );
    expect((await verify(test.store, "turns")).ok).toBe(true);
    const signedHead: Head = { stream: "turns:acme", ...head, atMs: 1 };
    expect((await verify(test.store, "turns", { signedHead })).ok).toBe(false);
    await run(test.store, "DELETE FROM turns WHERE account_id = 'acme'");
    await run(test.store, "DELETE FROM streams WHERE name = 'turns:acme'");
    expect((await verify(test.store, "turns", { signedHead })).ok).toBe(false);
  });

  it("takes no head that was signed for another chain", async () => {
    await using test = await openTestStore();
    await fill(test.store);
    const { head } = await verify(test.store, "turns");
    for (const name of ["signedHead", "checkpoint"] as const) {
      const foreign: Head = { stream: "turns:globex", ...head, atMs: 1 };
      expect((await verify(test.store, "turns", { [name]: foreign })).problems[0]).toEqual({
        offset: ROWS,
        problem: 'the signed head belongs to "turns:globex"',
      });
    }
  });

  it("goes on from a checkpoint when retention took the beginning", async () => {
    await using test = await openTestStore();
    await fill(test.store);
    const [row] = await test.store.read<{ hash: string }>(
      "SELECT hash FROM turns WHERE account_id = 'acme' AND offset = 5",
    );
    const checkpoint: Head = { stream: "turns:acme", offset: 5, hash: row?.hash ?? "", atMs: 1 };
    await run(test.store, "DELETE FROM turns WHERE account_id = 'acme' AND offset <= 5");
    expect((await verify(test.store, "turns")).ok).toBe(false);
    expect(await verify(test.store, "turns", { checkpoint })).toMatchObject({ ok: true, rows: 7 });
    const forged = { ...checkpoint, hash: "00".repeat(32) };
    expect((await verify(test.store, "turns", { checkpoint: forged })).ok).toBe(false);
    await run(test.store, "DELETE FROM turns WHERE account_id = 'acme'");
    const last: Head = { ...checkpoint, offset: ROWS, hash: await headHash(test.store) };
    expect(await verify(test.store, "turns", { checkpoint: last })).toMatchObject({
      ok: true,
      rows: 0,
    });
  });

  it("still holds after erasing, and tells an erased row from a forged one", async () => {
    await using test = await openTestStore();
    await fill(test.store);
    await test.store.commit(rowsForErasedTurns({ account: "acme", sessionId: "session-1" }));
    expect((await verify(test.store, "turns")).ok).toBe(true);
    const { turns } = await tailForAccount(test.store, "acme");
    const erased = turns.filter(({ session_id }) => session_id === "");
    expect(erased.map(({ delivery_id, error }) => [delivery_id, error])).toEqual(
      Array.from({ length: 4 }, () => [null, null]),
    );
    expect(
      (await tailForAccount(test.store, "globex")).turns.every((kept) => kept.session_id !== ""),
    )
      .toBe(true);
    await run(
      test.store,
      "UPDATE turns SET error = 'x' WHERE account_id = 'acme' AND session_id = ''",
    );
    expect((await verify(test.store, "turns")).ok).toBe(false);
  });
});

describe("chainedAccounts", () => {
  it("names every account with rows, also one whose head was removed", async () => {
    await using test = await openTestStore();
    await fill(test.store);
    await test.store.commit(rowsForIntent(intent(999, { account: undefined })));
    await run(test.store, "DELETE FROM streams WHERE name = 'turns:acme'");
    expect(await chainedAccounts(test.store, "turns")).toEqual(["acme", "globex"]);
    expect(await chainedAccounts(test.store, "admin_audit")).toEqual(["_", "acme", "globex"]);
    await run(test.store, "DELETE FROM turns");
    expect(await chainedAccounts(test.store, "turns")).toEqual(["globex"]);
  });
});

describe("checkHead", () => {
  it("accepts what was signed and nothing else", () => {
    const signed = signHead({ stream: "turns:acme", offset: 3, hash: "ab", atMs: 9 }, "head", sign);
    const holds = (head: typeof signed, kind: "head" | "checkpoint" = "head") =>
      checkHead(head, kind, (text, signature) => sign(text) === signature);
    expect(holds(signed)).toBe(true);
    expect(holds(signed, "checkpoint")).toBe(false);
    expect(holds({ ...signed, kind: "checkpoint" }, "checkpoint")).toBe(false);
    for (
      const forged of [{ offset: 2 }, { hash: "ac" }, { stream: "turns:acm" }, { atMs: 8 }, {
        signature: "",
      }]
    ) {
      expect(holds({ ...signed, ...forged })).toBe(false);
    }
  });
});

const sign = (text: string): string => createHmac("sha256", "head key").update(text).digest("hex");

async function headHash(store: Store): Promise<string> {
  const [row] = await store.read<{ hash: string }>(
    "SELECT hash FROM streams WHERE name = 'turns:acme'",
  );
  return row?.hash ?? "";
}

/** Changes a row and makes everything behind it fit again, as somebody with the database file can. */
async function rewriteFrom(store: Store, offset: number): Promise<void> {
  const rows = await store.read(
    "SELECT * FROM turns WHERE account_id = 'acme' AND offset >= ? ORDER BY offset",
    [offset],
  );
  let prevHash = String(rows[0]?.["prev_hash"]);
  for (const row of rows) {
    const forged: Row = { ...row, cost_micros: 0, prev_hash: prevHash };
    const hash = hashRow(prevHash, forged, TURN_HASHED);
    await run(
      store,
      "UPDATE turns SET cost_micros = 0, prev_hash = ?, hash = ? WHERE id = ?",
      prevHash,
      hash,
      String(row["id"]),
    );
    prevHash = hash;
  }
  await run(store, "UPDATE streams SET hash = ? WHERE name = 'turns:acme'", prevHash);
}

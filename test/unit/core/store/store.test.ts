import { describe, expect, it } from "vitest";

import { CodedError } from "../../../../core/contract/mod.ts";
import {
  append,
  type Appended,
  insert,
  statement,
  storableText,
  type Store,
  type Write,
} from "../../../../core/store/store.ts";
import { openStore } from "../../../../core/store/open_store.ts";
import { migrationsDir, openTestStore, silentLog } from "../../../support/store.ts";

const meta = (key: string, value = "") => insert("meta", { key, value });

/** An event of `account`, in the global stream and the tenant's own. */
const event = (account: string, body: string) =>
  append("agent_events", ["events", `events:${account}`], ([all, own]) => ({
    row: {
      id: all?.offset ?? 0,
      account_id: account,
      offset: own?.offset ?? 0,
      kind: "test",
      agent_id: null,
      at_ms: 0,
      body: `${own?.prevHash}>${body}`,
    },
    hash: body,
  }));

const keys = async (store: Store) =>
  (await store.read("SELECT key FROM meta ORDER BY key")).map((row) => row["key"]);

const events = (store: Store) =>
  store.read('SELECT id, account_id AS account, "offset", body FROM agent_events ORDER BY id');

describe("commit", () => {
  it("lets both kinds of reads see a unit once it resolves", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    await store.commit([meta("a", "1")]);
    expect(await store.read("SELECT * FROM meta")).toEqual([{ key: "a", value: "1" }]);
    expect(await store.readMany("SELECT * FROM meta WHERE key = ?", ["a"])).toEqual([
      { key: "a", value: "1" },
    ]);
  });

  it("keeps every kind of value", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    const blob = new Uint8Array([0, 1, 255, 128]).subarray(1);
    await store.commit([
      statement("CREATE TABLE kept (t TEXT, i INTEGER, r REAL, b BLOB, n TEXT) STRICT", []),
      statement("INSERT INTO kept VALUES (?, ?, ?, ?, ?)", [
        "ß🙂x",
        2n ** 53n - 1n,
        0.5,
        blob,
        null,
      ]),
    ]);
    const row = {
      t: "ß🙂x",
      i: Number.MAX_SAFE_INTEGER,
      r: 0.5,
      b: new Uint8Array([1, 255, 128]),
      n: null,
    };
    expect(await store.read("SELECT * FROM kept")).toEqual([row]);
    expect(await store.readMany("SELECT * FROM kept")).toEqual([row]);
  });

  it("keeps text that the client would cut off, and finds it again", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    const hostile = "a\0b\ud800c\udfff🙂";
    await store.commit([meta(hostile), statement("UPDATE meta SET value = ?", [hostile], 1)]);
    const kept = storableText(hostile);
    expect(kept).toBe("a\u2400b\ufffdc\ufffd🙂");
    expect(await store.read("SELECT * FROM meta WHERE key = ?", [hostile])).toEqual([
      { key: kept, value: kept },
    ]);
  });

  it("fails a unit with a duplicate as a whole, and no other unit", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    await store.commit([meta("taken")]);
    const settled = await Promise.allSettled([
      store.commit([meta("a")]),
      store.commit([meta("b"), meta("taken"), meta("c")]),
      store.commit([meta("d")]),
    ]);
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(settled[1]).toMatchObject({
      reason: { code: "conflict", cause: { code: "SQLITE_CONSTRAINT_PRIMARYKEY" } },
    });
    expect(await keys(store)).toEqual(["a", "d", "taken"]);
  });

  it("skips a duplicate row marked so, but not one that is broken otherwise", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    await store.commit([meta("a", "old")]);
    await store.commit([insert("meta", { key: "a", value: "new" }, "ignore"), meta("b")]);
    expect(await store.read("SELECT * FROM meta")).toEqual([
      { key: "a", value: "old" },
      { key: "b", value: "" },
    ]);
    const broken = store.commit([insert("meta", { key: "c", value: null }, "ignore")]);
    await expect(broken).rejects.toMatchObject({ code: "conflict" });
  });

  it("fails a unit whose statement changed another number of rows", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    await store.commit([meta("a"), meta("b")]);
    const set = "UPDATE meta SET value = ? WHERE key = ?";
    const settled = await Promise.allSettled([
      store.commit([statement(set, ["1", "a"], 1)]),
      store.commit([meta("c"), statement(set, ["2", "gone"], 1)]),
      store.commit([statement("DELETE FROM meta WHERE key = ? RETURNING key", ["b"], 1)]),
    ]);
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(settled[1]).toMatchObject({ reason: { code: "conflict" } });
    expect(await store.read("SELECT * FROM meta")).toEqual([{ key: "a", value: "1" }]);
  });

  it("runs inserts first, then statements in their order", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    const add = "UPDATE meta SET value = value || ? WHERE key = 'a'";
    await store.commit([statement(add, ["1"], 1), statement(add, ["2"], 1), meta("a")]);
    expect(await store.read("SELECT value FROM meta")).toEqual([{ value: "12" }]);
  });

  it("calls wrong SQL, names and values a defect of the one unit", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    const settled = await Promise.allSettled([
      store.commit([statement("UPDATE nothing SET x = 1", [])]),
      store.commit([insert('meta" --', { key: "x", value: "" })]),
      store.commit([insert("meta", {})]),
      store.commit([statement("DELETE FROM meta WHERE key = ?", [Number.NaN])]),
      store.commit([meta("a")]),
    ]);
    const codes = settled.map((one) =>
      one.status === "rejected" ? (one.reason as CodedError).code : "ok"
    );
    expect(codes).toEqual(["internal", "internal", "internal", "internal", "ok"]);
    expect(await keys(store)).toEqual(["a"]);
  });

  it("writes more rows and columns than one statement can bind", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    const columns = Array.from({ length: 100 }, (_, i) => `c${i}`);
    await store.commit([statement(`CREATE TABLE wide (${columns.join()})`, [])]);
    const row = Object.fromEntries(columns.map((column, i) => [column, i]));
    await store.commit(Array.from({ length: 1_000 }, () => insert("wide", row)));
    await Promise.all(Array.from({ length: 3_000 }, (_, i) => store.commit([meta(`k${i}`)])));
    expect(await store.read("SELECT count(*) AS n, sum(c99) AS s FROM wide")).toEqual([
      { n: 1_000, s: 99_000 },
    ]);
    expect(await store.read("SELECT count(*) AS n FROM meta")).toEqual([{ n: 3_000 }]);
  });

  it("takes an empty unit", async () => {
    await using opened = await openTestStore();
    await expect(opened.store.commit([])).resolves.toBeUndefined();
  });

  it("refuses units beyond the queue's limit and keeps the others", async () => {
    await using opened = await openTestStore({ queueLimit: 3 });
    const { store } = opened;
    const settled = await Promise.allSettled(
      Array.from({ length: 5 }, (_, i) => store.commit([meta(`k${i}`)])),
    );
    expect(settled.slice(3)).toMatchObject([
      { reason: { code: "store_full" } },
      { reason: { code: "store_full" } },
    ]);
    expect(await keys(store)).toEqual(["k0", "k1", "k2"]);
    await store.commit([meta("later")]);
  });
});

describe("appends", () => {
  it("take consecutive places in every stream, each knowing the hash before it", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    await Promise.all([
      store.commit([event("acme", "a"), event("acme", "b")]),
      store.commit([event("umbra", "c")]),
      store.commit([event("acme", "d")]),
    ]);
    await store.commit([event("umbra", "e")]);
    expect(await events(store)).toEqual([
      { id: 1, account: "acme", offset: 1, body: ">a" },
      { id: 2, account: "acme", offset: 2, body: "a>b" },
      { id: 3, account: "umbra", offset: 1, body: ">c" },
      { id: 4, account: "acme", offset: 3, body: "b>d" },
      { id: 5, account: "umbra", offset: 2, body: "c>e" },
    ]);
    expect(await store.read("SELECT * FROM streams ORDER BY name")).toEqual([
      { name: "events", head: 5, hash: "e" },
      { name: "events:acme", head: 3, hash: "d" },
      { name: "events:umbra", head: 2, hash: "e" },
    ]);
  });

  it("leave no gap when units before, between and after them fail", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    await store.commit([meta("taken")]);
    const settled = await Promise.allSettled([
      store.commit([event("acme", "lost"), meta("taken")]),
      store.commit([event("acme", "a")]),
      store.commit([event("acme", "lost"), statement("DELETE FROM meta WHERE 0", [], 1)]),
      store.commit([event("acme", "b")]),
      store.commit([
        append("agent_events", ["events"], () => {
          throw new CodedError("account_suspended", "Cannot append: no");
        }),
      ]),
    ]);
    expect(settled.map(({ status }) => status)).toEqual([
      "rejected",
      "fulfilled",
      "rejected",
      "fulfilled",
      "rejected",
    ]);
    expect(settled[4]).toMatchObject({ reason: { code: "account_suspended" } });
    await store.commit([event("acme", "c")]);
    expect((await events(store)).map(({ id, body }) => [id, body])).toEqual([
      [1, ">a"],
      [2, "a>b"],
      [3, "b>c"],
    ]);
  });

  it("go on after the store was opened again", async () => {
    await using opened = await openTestStore();
    await opened.store.commit([event("acme", "a")]);
    await opened.store[Symbol.asyncDispose]();
    await using again = await openStore({
      url: opened.url,
      migrationsDir,
      now: Date.now,
      log: silentLog,
    });
    await again.commit([event("acme", "b")]);
    expect((await events(again)).map(({ id, body }) => [id, body])).toEqual([[1, ">a"], [
      2,
      "a>b",
    ]]);
  });

  it("without a head of their own go on behind their newest row, and begin anew without one", async () => {
    await using opened = await openTestStore();
    const { store, url } = opened;
    const said = (id: string, session: string): Write =>
      append("chat_messages", [{
        name: `chat ${session}`,
        newest: {
          sql: "SELECT max(seq) AS offset FROM chat_messages WHERE session_id = ?",
          args: [session],
        },
      }], ([position]) => ({
        row: {
          id,
          account_id: "acme",
          session_id: session,
          seq: position?.offset ?? 0,
          author: "visitor",
          sealed: new Uint8Array(),
          at_ms: 0,
        },
      }));
    const seqs = async (from: Store): Promise<string[]> =>
      (await from.read<{ at: string }>(
        "SELECT session_id || ' ' || seq AS at FROM chat_messages ORDER BY session_id, seq",
      )).map(({ at }) => at);
    await store.commit([meta("taken")]);
    await Promise.allSettled([
      store.commit([said("1", "ana"), said("2", "ben"), said("3", "ana")]),
      store.commit([said("4", "ana"), meta("taken")]),
      store.commit([said("5", "ana")]),
    ]);
    expect(await seqs(store)).toEqual(["ana 1", "ana 2", "ana 3", "ben 1"]);
    expect(await store.read("SELECT name FROM streams")).toEqual([]);
    await store.commit([statement("DELETE FROM chat_messages WHERE id IN ('1', '2')", [], 2)]);
    await store[Symbol.asyncDispose]();
    await using again = await openStore({ url, migrationsDir, now: Date.now, log: silentLog });
    await Promise.all([
      again.commit([said("6", "ana")]),
      again.commit([said("7", "ben"), said("8", "ana")]),
    ]);
    expect(await seqs(again)).toEqual(["ana 2", "ana 3", "ana 4", "ana 5", "ben 1"]);
  });

  it("run between the statements around them", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    await store.commit([
      event("acme", "a"),
      statement("UPDATE agent_events SET kind = 'seen'", [], 1),
      event("acme", "b"),
    ]);
    expect(await store.read("SELECT kind FROM agent_events ORDER BY id")).toEqual([
      { kind: "seen" },
      { kind: "test" },
    ]);
  });

  it("are told to listeners in commit order, before the commit resolves, without failed units", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    await store.commit([meta("taken")]);
    const heard: Appended[] = [];
    store.onAppended(() => {
      throw new Error("a broken listener");
    });
    const stop = store.onAppended((rows) => void heard.push(...rows));
    const first = store.commit([event("acme", "a")]).then(() => heard.length);
    const lost = store.commit([event("acme", "lost"), meta("taken")]);
    const last = store.commit([event("umbra", "b"), event("acme", "c")]);
    await expect(lost).rejects.toMatchObject({ code: "conflict" });
    expect(await first).toBe(3);
    await last;
    expect(heard.map(({ table, row }) => [table, row["id"], row["account_id"]])).toEqual([
      ["agent_events", 1, "acme"],
      ["agent_events", 2, "umbra"],
      ["agent_events", 3, "acme"],
    ]);
    stop();
    await store.commit([event("acme", "d")]);
    expect(heard).toHaveLength(3);
  });
});

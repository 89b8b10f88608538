import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import { CodedError } from "../../../../core/contract/mod.ts";
import { openWriting } from "../../../../core/store/connection.ts";
import { openStore } from "../../../../core/store/open_store.ts";
import { append, insert, statement, type Store } from "../../../../core/store/store.ts";
import { migrationsDir, openTestStore, silentLog } from "../../../support/store.ts";

const meta = (key: string, value = "") => insert("meta", { key, value });

const event = (account: string, body: string) =>
  append("agent_events", ["events"], ([all]) => ({
    row: {
      id: all?.offset ?? 0,
      account_id: account,
      offset: all?.offset ?? 0,
      kind: "test",
      at_ms: 0,
      body: `${all?.prevHash}>${body}`,
    },
    hash: body,
  }));

const keys = async (store: Store) =>
  (await store.read("SELECT key FROM meta ORDER BY key")).map((row) => row["key"]);

const events = (store: Store) =>
  store.read('SELECT id, account_id AS account, "offset", body FROM agent_events ORDER BY id');

describe("reads", () => {
  it("say that wrong SQL is a defect and go on", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    const reads = [(sql: string) => store.read(sql), (sql: string) => store.readMany(sql)];
    for (const read of reads) {
      await expect(read("SELECT nope")).rejects.toMatchObject({ code: "internal" });
      await expect(read("DELETE FROM meta")).rejects.toBeInstanceOf(CodedError);
      await store.commit([meta(`k${(await keys(store)).length}`)]);
      expect(await read("SELECT count(*) AS n FROM meta")).toEqual([{
        n: (await keys(store)).length,
      }]);
    }
  });

  it("do not hold up the event loop on the worker", async () => {
    await using opened = await openTestStore();
    let turns = 0;
    const count = setInterval(() => turns++, 1);
    const [row] = await opened.store.readMany(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
      SELECT max(i) AS max FROM n`,
    );
    clearInterval(count);
    expect(row).toEqual({ max: 300_000 });
    expect(turns).toBeGreaterThan(1);
  });
});

describe("the file", () => {
  it("and its log are readable by their owner only", async () => {
    await using opened = await openTestStore();
    await opened.store.commit([meta("a")]);
    for (const file of ["core.db", "core.db-wal", "core.db-shm"]) {
      expect((await stat(join(opened.dir, file))).mode & 0o777).toBe(0o600);
    }
  });

  it("and its log no longer hold what was deleted, after a checkpoint", async () => {
    await using opened = await openTestStore();
    const { store, dir } = opened;
    await store.commit([meta("a", "planted-secret")]);
    await store.commit([statement("DELETE FROM meta WHERE key = 'a'", [], 1)]);
    expect(await store.checkpoint()).toBe(true);
    await store[Symbol.asyncDispose]();
    expect((await readFile(join(dir, "core.db"))).includes("planted-secret")).toBe(false);
  });

  it("takes the log in again and again while units are committed", async () => {
    await using opened = await openTestStore({ checkpointPages: 50 });
    const { store, dir } = opened;
    await store.readMany("SELECT 1");
    let [rounds, begun, beforeBytes] = [0, 0, 0];
    let run = "";
    // A log that begins anew says so in its header, and its file is as long as before.
    while (begun < 4) {
      const round = rounds++;
      await Promise.all(
        Array.from(
          { length: 30 },
          (_, i) => store.commit([meta(`${round}-${i}`, "x".repeat(1_000))]),
        ),
      );
      const log = await readFile(join(dir, "core.db-wal"));
      const salt = log.subarray(16, 24).toString("hex");
      if (salt !== run) begun++;
      run = salt;
      expect(log.length).toBeGreaterThanOrEqual(beforeBytes);
      beforeBytes = log.length;
    }
    expect(await store.read("SELECT count(*) AS n FROM meta")).toEqual([{ n: rounds * 30 }]);
    expect(await store.checkpoint()).toBe(true);
    expect((await stat(join(dir, "core.db-wal"))).size).toBe(0);
  });
});

describe("disposing", () => {
  it("writes what is queued, refuses what comes later, and may be repeated", async () => {
    await using opened = await openTestStore();
    const { store, url } = opened;
    const queued = Array.from({ length: 2_000 }, (_, i) => store.commit([meta(`k${i}`)]));
    const disposed = store[Symbol.asyncDispose]();
    await expect(store.commit([meta("late")])).rejects.toMatchObject({ code: "store_closed" });
    await disposed;
    await Promise.all(queued);
    await store[Symbol.asyncDispose]();
    await expect(store.read("SELECT 1")).rejects.toMatchObject({ code: "store_closed" });
    await expect(store.readMany("SELECT 1")).rejects.toMatchObject({ code: "store_closed" });
    await using again = await openStore({ url, migrationsDir, now: Date.now, log: silentLog });
    expect(await again.read("SELECT count(*) AS n FROM meta")).toEqual([{ n: 2_000 }]);
  });
});

describe("openStore", () => {
  it.each(["core.db", "file:core.db", "libsql://host", "file::memory:"])(
    "refuses %s",
    async (url) => {
      await expect(openTestStore({ url })).rejects.toMatchObject({ code: "config_invalid" });
    },
  );
});

describe("a lock held by somebody else", () => {
  it("is waited for, and then everything is written once", async () => {
    await using opened = await openTestStore();
    const { store, url } = opened;
    using other = openWriting(fileURLToPath(url));
    other.begin();
    let settled = 0;
    const commits = Array.from({ length: 100 }, async (_, i) => {
      await store.commit([meta(`k${i}`), event("acme", `${i}`)]);
      settled++;
    });
    // Who reads is not held up by it.
    for (let i = 0; i < 50; i++) {
      expect(await store.read("SELECT count(*) AS n FROM meta")).toEqual([{ n: 0 }]);
    }
    expect(settled).toBe(0);
    other.rollback();
    await Promise.all(commits);
    expect(await store.read("SELECT count(*) AS n FROM meta")).toEqual([{ n: 100 }]);
    expect((await events(store)).map(({ id }) => id)).toEqual(commits.map((_, i) => i + 1));
  });

  it("fails the units when it is held too long, and none after that", async () => {
    await using opened = await openTestStore({ busyLimitMs: 100 });
    const { store, url } = opened;
    using other = openWriting(fileURLToPath(url));
    other.begin();
    await expect(store.commit([meta("lost"), event("acme", "lost")])).rejects.toMatchObject({
      code: "store_busy",
    });
    other.rollback();
    await store.commit([meta("kept"), event("acme", "kept")]);
    expect(await keys(store)).toEqual(["kept"]);
    expect(await events(store)).toEqual([{ id: 1, account: "acme", offset: 1, body: ">kept" }]);
  });
});

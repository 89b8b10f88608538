import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import {
  failureOf,
  openReading,
  openWriting,
  type Role,
} from "../../../../core/store/connection.ts";
import { type Database, openDatabase } from "../../../../core/store/database.ts";
import { openTestStore } from "../../../support/store.ts";

let dir: string;
let path: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "connection-"));
  path = join(dir, "a.db");
});

afterEach(() => rm(dir, { recursive: true }));

const settings = ["journal_mode", "synchronous", "foreign_keys", "temp_store", "busy_timeout"];
const pragmaOf = (db: Database, name: string) => Object.values(db.all(`PRAGMA ${name}`)[0] ?? {});

describe("PRAGMAs", () => {
  it.each(["reader", "worker"] satisfies Role[])("hold for the %s", async (role) => {
    const client = await openReading(`file:${path}`, role);
    const values: unknown[] = [];
    for (const name of settings) values.push((await client.execute(`PRAGMA ${name}`)).rows[0]?.[0]);
    expect(values).toEqual(["wal", 2, 1, 2, 50]);
    client.close();
  });

  it("hold for the writer, which overwrites what is deleted and leaves checkpoints to the worker", () => {
    using db = openWriting(path);
    db.begin();
    db.rollback();
    expect(settings.flatMap((name) => pragmaOf(db, name))).toEqual(["wal", 2, 1, 2, 50]);
    expect(pragmaOf(db, "secure_delete")).toEqual([1]);
    expect(pragmaOf(db, "wal_autocheckpoint")).toEqual([0]);
  });

  it("hold where a store reads", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    for (const read of [(sql: string) => store.read(sql), (sql: string) => store.readMany(sql)]) {
      expect(await read("PRAGMA query_only")).toEqual([{ query_only: 1 }]);
      expect(await read("PRAGMA synchronous")).toEqual([{ synchronous: 2 }]);
      expect(await read("PRAGMA busy_timeout")).toEqual([{ timeout: 50 }]);
    }
  });
});

describe("a lost race for the write lock", () => {
  it("leaves nothing behind on the connection that lost", () => {
    using first = openWriting(path);
    using second = openWriting(path);
    first.exec("CREATE TABLE t (a)");
    first.begin();
    expect(failureThrownBy(() => second.begin())).toBe("busy");
    expect(second.inTransaction()).toBe(false);
    first.run("INSERT INTO t VALUES (?)", [1]);
    first.commit();
    second.begin();
    second.run("INSERT INTO t VALUES (?)", [2]);
    second.commit();
    expect(first.all("SELECT count(*) AS n FROM t")).toEqual([{ n: 2 }]);
    expect(first.all("PRAGMA wal_checkpoint(TRUNCATE)")).toMatchObject([{ busy: 0 }]);
  });
});

describe("a statement that is kept", () => {
  it("never runs with values of the run before, where it gets fewer", () => {
    using db = openDatabase(path, { timeoutMs: 0 });
    db.exec("CREATE TABLE t (a, b)");
    const sql = "INSERT INTO t VALUES (?, ?)";
    db.run(sql, ["acme", "acme's secret"]);
    db.run(sql, ["zenith"]);
    expect(db.all("SELECT a, b FROM t")).toEqual([
      { a: "acme", b: "acme's secret" },
      { a: "zenith", b: null },
    ]);
  });

  it("runs on after it failed, inside a transaction and outside of one", () => {
    using db = openDatabase(path, { timeoutMs: 0 });
    db.exec("CREATE TABLE t (a TEXT PRIMARY KEY)");
    const add = (a: string): number => db.run("INSERT INTO t VALUES (?)", [a]);
    add("one");
    expect(failureThrownBy(() => add("one"))).toBe("constraint");
    db.begin();
    add("two");
    db.exec("SAVEPOINT unit");
    expect(failureThrownBy(() => add("two"))).toBe("constraint");
    db.exec("ROLLBACK TO unit; RELEASE unit");
    add("three");
    db.commit();
    using other = openDatabase(path, { timeoutMs: 0 });
    expect(other.all("SELECT a FROM t ORDER BY rowid").map(({ a }) => a)).toEqual([
      "one",
      "two",
      "three",
    ]);
  });

  it("runs on after a lock was in its way, and after a table got another column", () => {
    using db = openDatabase(path, { timeoutMs: 0 });
    using other = openDatabase(path, { timeoutMs: 0 });
    db.exec("CREATE TABLE t (a)");
    const add = (a: number): number => db.run("INSERT INTO t (a) VALUES (?)", [a]);
    add(1);
    other.begin("EXCLUSIVE");
    expect(failureThrownBy(() => add(2))).toBe("busy");
    other.rollback();
    add(3);
    other.exec("ALTER TABLE t ADD COLUMN b DEFAULT 'new'");
    add(4);
    expect(other.all("SELECT a, b FROM t")).toEqual([1, 3, 4].map((a) => ({ a, b: "new" })));
  });

  it("tells what it changed or gave back, and gives values as they were stored", () => {
    using db = openDatabase(path, { timeoutMs: 0 });
    db.exec("CREATE TABLE t (a, b BLOB)");
    const insert = "INSERT INTO t VALUES (?, ?), (?, ?)";
    expect(db.run(insert, ["x", new Uint8Array([1, 2]), 2.5, null])).toBe(2);
    expect(db.run("UPDATE t SET a = 'none' WHERE a = ?", ["missing"])).toBe(0);
    expect(db.run("DELETE FROM t WHERE a = ? RETURNING a", [2.5])).toBe(1);
    expect(db.all("SELECT * FROM t")).toEqual([{ a: "x", b: new Uint8Array([1, 2]) }]);
  });
});

describe("failureOf()", () => {
  it("calls wrong SQL and what is not SQLite's a defect", () => {
    using db = openDatabase(path, { timeoutMs: 0 });
    expect(failureThrownBy(() => db.exec("SELEC"))).toBe("other");
    expect(failureOf(new Error("something else"))).toBe("other");
  });
});

function failureThrownBy(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return failureOf(error);
  }
  return "none";
}

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import {
  abandon,
  beginWrite,
  commitWrite,
  failureOf,
  openConnection,
  type Role,
} from "../../../../core/store/connection.ts";
import { openTestStore } from "../../../support/store.ts";

let dir: string;
let url: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "connection-"));
  url = `file:${join(dir, "a.db")}`;
});

afterEach(() => rm(dir, { recursive: true }));

const settings = ["journal_mode", "synchronous", "foreign_keys", "temp_store", "busy_timeout"];

describe("PRAGMAs", () => {
  it.each(["writer", "reader", "worker"] satisfies Role[])("hold for the %s", async (role) => {
    const client = await openConnection(url, role);
    const values: unknown[] = [];
    for (const name of settings) values.push((await client.execute(`PRAGMA ${name}`)).rows[0]?.[0]);
    expect(values).toEqual(["wal", 2, 1, 2, 50]);
    client.close();
  });

  it("make the writer overwrite what is deleted and leave checkpoints to the worker", async () => {
    const client = await openConnection(url, "writer");
    await abandon(await beginWrite(client));
    expect((await client.execute("PRAGMA secure_delete")).rows[0]?.[0]).toBe(1);
    expect((await client.execute("PRAGMA wal_autocheckpoint")).rows[0]?.[0]).toBe(0);
    client.close();
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
  it("leaves nothing behind on the connection that lost", async () => {
    const first = await openConnection(url, "writer");
    const second = await openConnection(url, "writer");
    await first.execute("CREATE TABLE t (a)");
    const held = await beginWrite(first);
    const lost = await beginWrite(second).catch((error: unknown) => failureOf(error));
    expect(lost).toBe("busy");
    await held.execute("INSERT INTO t VALUES (1)");
    await commitWrite(held);
    const won = await beginWrite(second);
    await won.execute("INSERT INTO t VALUES (2)");
    await commitWrite(won);
    expect((await first.execute("SELECT count(*) AS n FROM t")).rows[0]?.[0]).toBe(2);
    const [checkpoint] = (await first.execute("PRAGMA wal_checkpoint(TRUNCATE)")).rows;
    expect(checkpoint?.["busy"]).toBe(0);
    first.close();
    second.close();
  });
});

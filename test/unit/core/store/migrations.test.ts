import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { openStore } from "../../../../core/store/open_store.ts";
import { silentLog } from "../../../support/store.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "migrations-"));
  await put("0001_first.sql", "CREATE TABLE one (a TEXT) STRICT;");
});

afterEach(() => rm(dir, { recursive: true }));

const put = (file: string, sql: string) => writeFile(join(dir, file), sql);
const open = () =>
  openStore({
    url: `file:${join(dir, "core.db")}`,
    migrationsDir: dir,
    now: () => 42,
    log: silentLog,
  });
const openAndClose = async () => (await open())[Symbol.asyncDispose]();

describe("migrations", () => {
  it("are applied once each, in the order of their numbers", async () => {
    await put(
      "0010_triggers.sql",
      `-- Semicolons inside; of a comment and 'text; too'.
      CREATE TABLE two (a TEXT DEFAULT 'x;y') STRICT;
      CREATE TRIGGER t AFTER INSERT ON one BEGIN INSERT INTO two (a) VALUES (new.a); END;
      INSERT INTO one VALUES ('first');`,
    );
    await openAndClose();
    await put("0011_third.sql", "INSERT INTO two VALUES ('later')");
    await openAndClose();
    await using store = await open();
    expect(await store.read("SELECT a FROM two")).toEqual([{ a: "first" }, { a: "later" }]);
    expect(await store.read("SELECT number, file, applied_at_ms FROM migrations")).toEqual([
      { number: 1, file: "0001_first.sql", applied_at_ms: 42 },
      { number: 10, file: "0010_triggers.sql", applied_at_ms: 42 },
      { number: 11, file: "0011_third.sql", applied_at_ms: 42 },
    ]);
  });

  it("leave nothing of a file that fails, and can be applied when it is right", async () => {
    await put("0002_broken.sql", "CREATE TABLE two (a); INSERT INTO nothing VALUES (1);");
    await expect(open()).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining('"0002_broken.sql" failed') as string,
    });
    await put("0002_broken.sql", "CREATE TABLE two (a);");
    await using store = await open();
    expect(await store.read("SELECT * FROM two")).toEqual([]);
  });

  const refusals: [string, () => Promise<unknown>, RegExp][] = [
    ["a changed one", () => put("0001_first.sql", "CREATE TABLE one (b);"), /changed after/],
    ["a missing one", async () => {
      await put("0002_second.sql", "");
      await openAndClose();
      await rm(join(dir, "0001_first.sql"));
    }, /"0001_first.sql" was applied and is missing/],
    ["a newer database", async () => {
      await put("0002_second.sql", "");
      await openAndClose();
      await rm(join(dir, "0002_second.sql"));
    }, /newer than this program/],
    ["one that comes too late", async () => {
      await put("0003_third.sql", "");
      await openAndClose();
      await put("0002_second.sql", "");
    }, /"0002_second.sql" comes before/],
    ["a number used twice", () => put("0001_other.sql", ""), /a number of its own/],
    ["another kind of name", () => put("second.sql", ""), /needs a name like/],
    ["a commit inside a file", () => put("0002_x.sql", "COMMIT;"), /"0002_x.sql" failed/],
  ];

  it.each(refusals)("refuse %s", async (_, damage, message) => {
    await openAndClose();
    await damage();
    const refused = open();
    await expect(refused).rejects.toMatchObject({ code: "config_invalid" });
    await expect(refused).rejects.toThrow(message);
  });
});

/**
 * Commits until the disk is full, then goes on: `fill_disk.ts <dir>`. Prints what happened as JSON.
 *
 * @module
 */
import { join } from "node:path";

import { codeOf } from "../../../../core/contract/mod.ts";
import { openStore } from "../../../../core/store/open_store.ts";
import { insert } from "../../../../core/store/store.ts";
import { migrationsDir, silentLog } from "../../../support/store.ts";

const [dir = ""] = process.argv.slice(2);
const store = await openStore({
  url: `file:${join(dir, "core.db")}`,
  migrationsDir,
  now: Date.now,
  log: silentLog,
});

const acknowledged: string[] = [];
let refusal = "";
for (let i = 0; i < 100 && refusal === ""; i++) {
  const key = `large-${i}`;
  await store.commit([insert("meta", { key, value: "x".repeat(100_000) })]).then(
    () => acknowledged.push(key),
    (error: unknown) => refusal = codeOf(error),
  );
}
const emptied = await store.checkpoint();
await store.commit([insert("meta", { key: "small", value: "" })]);
const kept = (await store.read("SELECT key FROM meta")).map((row) => row["key"]);
await store[Symbol.asyncDispose]();
process.stdout.write(JSON.stringify({ acknowledged, refusal, emptied, kept }));

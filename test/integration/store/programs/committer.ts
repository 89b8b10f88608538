/**
 * Commits units without end and prints the number of each acknowledged one: `committer.ts <dir> <run>`.
 *
 * @module
 */
import { join } from "node:path";

import { openStore } from "../../../../core/store/open_store.ts";
import { append, insert } from "../../../../core/store/store.ts";
import { migrationsDir, silentLog } from "../../../support/store.ts";

const [dir = "", run = ""] = process.argv.slice(2);
const store = await openStore({
  url: `file:${join(dir, "core.db")}`,
  migrationsDir,
  now: Date.now,
  log: silentLog,
  checkpointPages: 100,
});

async function commit(name: string): Promise<void> {
  await store.commit([
    insert("meta", { key: name, value: "x".repeat(500) }),
    append("agent_events", ["events"], ([all]) => ({
      row: {
        id: all?.offset ?? 0,
        account_id: "a",
        offset: all?.offset ?? 0,
        kind: "test",
        at_ms: 0,
        body: name,
      },
    })),
  ]);
  process.stdout.write(`${name}\n`);
}

async function commitForEver(lane: number): Promise<void> {
  for (let i = 0;; i++) await commit(`${run}-${lane}-${i}`);
}

await Promise.all(Array.from({ length: 40 }, (_, lane) => commitForEver(lane)));

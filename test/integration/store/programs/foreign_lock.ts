/**
 * Another program that locks the database in bursts: `foreign_lock.ts <url>`, until its input ends.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

import { delay } from "../../../../core/flow/delay.ts";
import { openDatabase } from "../../../../core/store/database.ts";

const [url = ""] = process.argv.slice(2);
const db = openDatabase(fileURLToPath(url), { timeoutMs: 0 });
let stopping = false;
process.stdin.on("end", () => stopping = true).resume();

/** The store commits without pause, so waiting politely would hardly ever get the lock. */
async function lock(): Promise<void> {
  for (;;) {
    try {
      return db.begin("EXCLUSIVE");
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

for (let burst = 1; !stopping; burst++) {
  await lock();
  process.stdout.write(`${burst}\n`);
  await delay(Math.random() * 120);
  db.rollback();
  await delay(Math.random() * 60);
}

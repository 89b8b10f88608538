/**
 * Another program that locks the database in bursts: `foreign_lock.ts <url>`, until its input ends.
 *
 * @module
 */
import { createClient, type Transaction } from "@libsql/client";

import { delay } from "../../../../core/flow/delay.ts";
import { abandon, beginWrite } from "../../../../core/store/connection.ts";

const [url = ""] = process.argv.slice(2);
const client = createClient({ url, concurrency: 1, timeout: 0 });
let stopping = false;
process.stdin.on("end", () => stopping = true).resume();

/** The store commits without pause, so waiting politely would hardly ever get the lock. */
async function lock(): Promise<Transaction> {
  for (;;) {
    try {
      return await beginWrite(client, "EXCLUSIVE");
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

for (let burst = 1; !stopping; burst++) {
  const held = await lock();
  process.stdout.write(`${burst}\n`);
  await delay(Math.random() * 120);
  await abandon(held);
  await delay(Math.random() * 60);
}

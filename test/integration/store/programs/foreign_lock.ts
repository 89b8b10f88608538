/**
 * Another program that locks the database in bursts: `foreign_lock.ts <url>`, until its input ends.
 *
 * @module
 */
import { createClient } from "@libsql/client";

import { delay } from "../../../../core/flow/delay.ts";

const [url = ""] = process.argv.slice(2);
const client = createClient({ url, concurrency: 1, timeout: 1_000 });
let stopping = false;
process.stdin.on("end", () => stopping = true).resume();

for (let burst = 1; !stopping; burst++) {
  const tx = await client.transaction("deferred");
  await tx.executeMultiple("ROLLBACK; BEGIN EXCLUSIVE");
  process.stdout.write(`${burst}\n`);
  await delay(Math.random() * 90);
  await tx.executeMultiple("ROLLBACK");
  tx.close();
  await delay(Math.random() * 30);
}

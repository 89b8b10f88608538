/**
 * Holds a lock until its input ends: `lock_holder.ts <path>`. Prints `held`, or why it is not.
 *
 * @module
 */
import { once } from "node:events";

import { messageOf } from "../../../../core/contract/mod.ts";
import { openInstanceLock } from "../../../../core/store/instance_lock.ts";

const [path = ""] = process.argv.slice(2);
try {
  const lock = await openInstanceLock({ path, pid: process.pid });
  process.stdout.write("held\n");
  await once(process.stdin.resume(), "end");
  await lock[Symbol.asyncDispose]();
} catch (error) {
  process.stdout.write(`${messageOf(error)}\n`);
}

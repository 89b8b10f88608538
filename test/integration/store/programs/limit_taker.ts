/**
 * Takes of one tool limit until it is refused, and prints `+` for each call it may make, then `-`:
 * `limit_taker.ts <dir> <burst>`.
 *
 * @module
 */
import { join } from "node:path";

import { openLimits } from "../../../../core/limits/limits.ts";
import { openStore } from "../../../../core/store/open_store.ts";
import { migrationsDir, silentLog } from "../../../support/store.ts";

const [dir = "", burst = "1"] = process.argv.slice(2);
await using store = await openStore({
  url: `file:${join(dir, "core.db")}`,
  migrationsDir,
  now: Date.now,
  log: silentLog,
});
await using limits = openLimits({ store, now: Date.now, log: silentLog });
// So little comes back that none does while the test runs.
const limit = { rps: 1e-9, burst: Number(burst), essential_deny_on_miss: false };

for (let ok = true; ok;) {
  ({ ok } = await limits.tools.take({
    account: "acme",
    agentId: "ana",
    bindingId: "event:drip",
    tool: { name: "ext_marketing_send_drip", ownName: "send_drip" },
    limits: {
      agent: { patterns: { send_drip: limit }, bindings: {}, replace: false },
      binding: undefined,
    },
  }));
  process.stdout.write(ok ? "+\n" : "-\n");
  // Slowly enough to be killed on the way.
  await new Promise((resolve) => setTimeout(resolve, 1));
}

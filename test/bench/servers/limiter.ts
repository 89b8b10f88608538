/**
 * Our limits on tools, each call durable before it is allowed.
 *
 * @module
 */
import { join } from "node:path";
import process from "node:process";
import type { ToolCallClaim } from "../../../core/limits/tool_limits.ts";
import { openLimits } from "../../../core/limits/limits.ts";
import { openStore } from "../../../core/store/open_store.ts";
import { serveCallJobs } from "./call_loop.ts";
import { DAY_SECONDS, KEYS, POINTS } from "./limiter_load.ts";
import { quietLog } from "./quiet.ts";
import { benchGone, sayReady } from "./talk.ts";

const [dir = "", migrationsDir = ""] = process.argv.slice(2);
await using store = await openStore({
  url: `file:${join(dir, "core.db")}`,
  migrationsDir,
  now: Date.now,
  log: quietLog,
});
await using limits = openLimits({ store, now: Date.now, log: quietLog });

const limit = { rps: POINTS / DAY_SECONDS, burst: POINTS, essential_deny_on_miss: false };
const set = {
  agent: { patterns: { "*": limit, send_drip: limit, _default: limit } },
  binding: { patterns: {}, replace: false },
};
const claims = Array.from({ length: KEYS }, (_, i): ToolCallClaim => ({
  account: `t${i}`,
  agentId: "ana",
  bindingId: "event:drip",
  tool: { name: "ext_marketing_send_drip", ownName: "send_drip" },
  limits: set,
}));

// Each is read from disk when it is used for the first time: a day's first call, not every one.
await Promise.all(claims.map(async (claim) => limits.tools.take(claim)));
serveCallJobs(async (number) => {
  const claim = claims[number % KEYS];
  const verdict = claim && await limits.tools.take(claim);
  if (verdict?.ok !== true) throw new Error("Cannot measure: a call was refused");
});
sayReady({});
await benchGone();

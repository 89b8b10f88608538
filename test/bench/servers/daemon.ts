/**
 * Core and edge in one process, as `nexo dev` wires them; or core alone when NATS is between them.
 *
 * @module
 */
import process from "node:process";
import { homeOf } from "../../../core/daemon/home.ts";
import { runDaemon } from "../../../core/daemon.ts";
import { createPooledRandom } from "../../../core/flow/random.ts";
import { startNodeEdge } from "../../../edge/node.ts";
import { answerLoopDelay } from "./loop_delay.ts";
import { portOf, quietLog } from "./quiet.ts";
import { benchGone, sayReady } from "./talk.ts";

const [configDir = "", migrationsDir = ""] = process.argv.slice(2);
const stop = new AbortController();
void benchGone().then(() => stop.abort());
answerLoopDelay();
await runDaemon({
  home: homeOf(process.env),
  configDir,
  migrationsDir,
  env: process.env,
  version: "bench",
  startEdge: process.env["NEXO_NATS_URL"] === undefined
    ? (options) => startNodeEdge({ ...options, port: 0, hostname: "127.0.0.1", version: "bench" })
    : undefined,
  makeSecrets: false,
  followCode: false,
  log: quietLog,
  now: Date.now,
  random: createPooledRandom(),
  pid: process.pid,
}, {
  signal: stop.signal,
  onReady: ({ edgeUrl }) => sayReady({ port: edgeUrl === undefined ? 0 : portOf(edgeUrl) }),
});

/**
 * Our host calling one microapp while another is killed, hangs and floods.
 *
 * @module
 */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { AGENT_VERSION } from "../../../core/daemon/microapps.ts";
import type { Candidate } from "../../../core/microapps/candidate.ts";
import { openHost } from "../../../core/microapps/host.ts";
import { parseManifest } from "../../../core/microapps/manifest.ts";
import { CALL_TEXT } from "./call_loop.ts";
import { quietLog } from "./quiet.ts";
import { benchGone, onQuestion, sayReady } from "./talk.ts";

/** How to call. */
export interface NeighbourJob {
  readonly durationMs: number;
  /** Whether the other one misbehaves meanwhile. */
  readonly disturbed: boolean;
}

/** What it came to. */
export interface NeighbourReport {
  readonly p99Ms: number;
}

/** Between two calls, in milliseconds: a tool that is used, not a load test. */
const PAUSE_MS = 2;
/** How long each misdeed lasts, in milliseconds. */
const MISDEED_MS = 400;

const [homeDir = "", quietChild = "", badChild = ""] = process.argv.slice(2);

function candidate(id: string, file: string): Candidate {
  const plugin = `[plugin]\nid = "${id}"\nversion = "1.0.0"\n[plugin.entrypoint]\n` +
    `command = ${JSON.stringify(process.execPath)}\nargs = [${JSON.stringify(file)}]\n`;
  const { manifest } = parseManifest({ plugin, agentVersion: AGENT_VERSION });
  return { id, root: homeDir, manifest, entry: {}, refusal: null };
}

await using host = await openHost({
  candidates: [candidate("quiet", quietChild), candidate("bad", badChild)],
  homeDir,
  env: process.env,
  agentVersion: AGENT_VERSION,
  now: Date.now,
  logFor: () => quietLog,
  onRequest: () => Promise.reject(new Error("nobody asks")),
  onState: () => undefined,
  restart: { restarts: 1_000_000, windowMs: 60_000, pause: { firstMs: 10, maxMs: 10 } },
});
await host.settled();
const account = "acme";

/** Kills, floods and hangs in turn; ends with a microapp that is as good as new. */
async function misbehave(signal: AbortSignal): Promise<void> {
  for (let turn = 0; !signal.aborted; turn++) {
    const { pid = null } = host.status().find(({ id }) => id === "bad") ?? {};
    const misdeed = ["kill", "flood", "hang"][turn % 3];
    if (misdeed === "kill" && pid !== null) process.kill(pid, "SIGKILL");
    const call = host.request({
      microappId: "bad",
      method: "tools/call",
      params: { name: misdeed },
      account: `tenant-${turn}`,
    }).catch(() => undefined);
    await sleep(MISDEED_MS);
    await host.restart("bad");
    await call;
  }
}

async function callQuiet(endsAtMs: number): Promise<number[]> {
  const tookMs: number[] = [];
  while (performance.now() < endsAtMs) {
    const startedAtMs = performance.now();
    await host.request({
      microappId: "quiet",
      method: "tools/call",
      params: { name: "echo", arguments: { text: CALL_TEXT } },
      account,
    });
    tookMs.push(performance.now() - startedAtMs);
    await sleep(PAUSE_MS);
  }
  return tookMs.sort((a, b) => a - b);
}

onQuestion<NeighbourJob>(async ({ durationMs, disturbed }) => {
  const stop = new AbortController();
  const misdeeds = disturbed ? misbehave(stop.signal) : Promise.resolve();
  const tookMs = await callQuiet(performance.now() + durationMs);
  stop.abort();
  await misdeeds;
  const report: NeighbourReport = { p99Ms: tookMs[Math.floor(tookMs.length * 0.99)] ?? 0 };
  return report;
});
sayReady({});
await benchGone();

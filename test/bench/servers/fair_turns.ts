/**
 * Tenants who write once a second, beside one who floods or beside nobody.
 *
 * @module
 */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Settings } from "../../../core/settings/settings.ts";
import { benchGone, onQuestion, sayReady } from "./talk.ts";
import { openTurnWork, tenantName } from "./turn_work.ts";

/** What to do: fill up what the flooding tenant has waiting, or measure. */
export type FairJob = { readonly do: "fill" } | {
  readonly do: "measure";
  readonly durationMs: number;
};

/** What it came to. */
export interface FairReport {
  /** From a message to the end of its turn, p99 of the quiet tenants. */
  readonly p99Ms: number;
}

/** What the flooding tenant has waiting at the start of each round. */
const FLOOD = 10_000;
const FLOODERS = 1_000;
const FLOODER = 0;
/** The quiet ones; each writes once a second, so that together a few seconds give a p99. */
const QUIET = 20;
const PERIOD_MS = 1_000;
/** What a turn takes, nearly all of it waiting for its tool, in milliseconds. */
const TOOL_MS = 100;

const [dir = "", migrationsDir = "", flooding = ""] = process.argv.slice(2);
await using core = await openTurnWork({ dir, migrationsDir, tenants: 1 + QUIET, toolMs: TOOL_MS });

const tenants = [...core.settings.tenants];
const withoutFlooder: Settings = {
  ...core.settings,
  tenants: new Map(
    tenants.map(([id, tenant]) =>
      [id, id === tenantName(FLOODER) ? { ...tenant, active: false } : tenant] as const
    ),
  ),
};
let left = 0;
core.apply(withoutFlooder);

/** Fills up what the flooder has waiting, if there is one; its turns must stand still meanwhile. */
async function fill(): Promise<void> {
  if (flooding !== "flooding") return;
  while (core.work.conversations.waiting() < FLOOD) {
    const missing = Math.min(200, FLOOD - core.work.conversations.waiting());
    await Promise.all(
      Array.from({ length: missing }, () => core.flood(FLOODER, left++ % FLOODERS)),
    );
  }
}

async function writeOnceASecond(tenant: number, rounds: number): Promise<number[]> {
  const tookMs: number[] = [];
  await sleep((tenant - 1) * PERIOD_MS / QUIET);
  for (let i = 0; i < rounds; i++) {
    const startedAtMs = performance.now();
    await core.talk(tenant, `quiet-${tenant}`);
    tookMs.push(performance.now() - startedAtMs);
    await sleep(Math.max(0, PERIOD_MS - (performance.now() - startedAtMs)));
  }
  return tookMs;
}

async function measure(durationMs: number): Promise<FairReport> {
  await fill();
  core.apply(core.settings);
  const rounds = Math.max(1, Math.round(durationMs / PERIOD_MS));
  const tookMs = await Promise.all(
    Array.from({ length: QUIET }, (_, i) => writeOnceASecond(i + 1, rounds)),
  );
  // The other side is measured next, and must have the machine to itself.
  core.apply(withoutFlooder);
  const sorted = tookMs.flat().sort((a, b) => a - b);
  return { p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0 };
}

onQuestion<FairJob>(async (job) => {
  if (job.do === "measure") return measure(job.durationMs);
  await fill();
  return {};
});
sayReady({});
await benchGone();

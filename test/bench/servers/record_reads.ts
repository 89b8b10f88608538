/**
 * A store filled with a long past, and one tenant after another who reads the end of theirs.
 *
 * @module
 */
import process from "node:process";
import { createTranscriptSearch } from "../../../core/record/search.ts";
import { tailForAccount } from "../../../core/record/turns.ts";
import { openStore } from "../../../core/store/open_store.ts";
import { quietLog } from "./quiet.ts";
import { AGENT, tenantName, WORDS } from "./record_words.ts";
import { benchGone, onQuestion, sayReady } from "./talk.ts";

/** What is asked of this process. */
export interface RecordJob {
  readonly durationMs: number;
}

/** What a round of reading came to. */
export interface RecordReport {
  readonly p99Ms: number;
  readonly reads: number;
}

/** What a page holds unless asked otherwise, so that each read finds as many rows on both sides. */
const PAGE_ROWS = 50;

const [url = "", migrationsDir = "", what = "", tenants = ""] = process.argv.slice(2);
await using store = await openStore({ url, migrationsDir, now: Date.now, log: quietLog });
const { search } = createTranscriptSearch({ store, isIndexed: () => true });

/** Reads one page of a tenant drawn by lot; resolves with how many rows it held. */
async function readOnce(turn: number): Promise<number> {
  const account = tenantName(Math.floor(Math.random() * Number(tenants)));
  if (what === "turns") {
    return (await tailForAccount(store, account, { sinceMs: 0, limit: PAGE_ROWS })).turns.length;
  }
  const text = WORDS[turn % WORDS.length] ?? "";
  return (await search({ accounts: [account], agentId: AGENT, text, limit: PAGE_ROWS })).length;
}

async function read(durationMs: number): Promise<RecordReport> {
  const tookMs: number[] = [];
  const endsAtMs = performance.now() + durationMs;
  let found = 0;
  for (let turn = 0; performance.now() < endsAtMs; turn++) {
    const startedAtMs = performance.now();
    found += await readOnce(turn);
    tookMs.push(performance.now() - startedAtMs);
  }
  if (found === 0) throw new Error("nothing was found: what was measured is not what was meant");
  tookMs.sort((a, b) => a - b);
  return { p99Ms: tookMs[Math.floor(tookMs.length * 0.99)] ?? 0, reads: tookMs.length };
}

onQuestion<RecordJob>(({ durationMs }) => read(durationMs));
sayReady({});
await benchGone();

/**
 * Every row there is, in the order they run.
 *
 * @module
 */
import type { Row } from "./row.ts";
import { appsMemory } from "./rows/apps_memory.ts";
import { appsMemoryDeno } from "./rows/apps_memory_deno.ts";
import { boot } from "./rows/boot.ts";
import { fairness } from "./rows/fairness.ts";
import { firehoseMemory } from "./rows/firehose_memory.ts";
import { firehoseNaive } from "./rows/firehose_naive.ts";
import { firehoseSocketio } from "./rows/firehose_socketio.ts";
import { ingestAfternoon } from "./rows/ingest_afternoon.ts";
import { ingestDeno } from "./rows/ingest_deno.ts";
import { ingestIdle } from "./rows/ingest_idle.ts";
import { ingestJetstream } from "./rows/ingest_jetstream.ts";
import { ingestOne } from "./rows/ingest_one.ts";
import { ingestSplit } from "./rows/ingest_split.ts";
import { limiter } from "./rows/limiter.ts";
import { loop } from "./rows/loop.ts";
import { neighbour } from "./rows/neighbour.ts";
import { searchScale } from "./rows/search_scale.ts";
import { tailScale } from "./rows/tail_scale.ts";
import { tenantsScale } from "./rows/tenants_scale.ts";
import { toolcallGate } from "./rows/toolcall_gate.ts";
import { toolcallMcp } from "./rows/toolcall_mcp.ts";
import { toolcallSeq } from "./rows/toolcall_seq.ts";
import { turn } from "./rows/turn.ts";
import { verify } from "./rows/verify.ts";

export const ROWS: readonly Row[] = [
  verify,
  ingestOne,
  ingestAfternoon,
  ingestSplit,
  ingestIdle,
  ingestDeno,
  ingestJetstream,
  firehoseNaive,
  firehoseSocketio,
  firehoseMemory,
  toolcallMcp,
  toolcallGate,
  toolcallSeq,
  neighbour,
  boot,
  turn,
  tenantsScale,
  limiter,
  fairness,
  appsMemory,
  appsMemoryDeno,
  tailScale,
  searchScale,
  loop,
];

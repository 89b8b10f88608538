/**
 * The rows of a turn, copied and group-committed by a loop that does nothing else.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { createClient, type InValue } from "@libsql/client";
import type { CallJob, CallReport } from "./call_loop.ts";
import { benchGone, onQuestion, sayReady } from "./talk.ts";
import { openTurnWork } from "./turn_work.ts";

const [dir = "", migrationsDir = ""] = process.argv.slice(2);

/** Every table in which a turn leaves rows, and the columns that tell its rows from another's. */
const TABLES = {
  inbounds: ["id", "msg_id"],
  chat_messages: ["id", "seq"],
  model_calls: ["id"],
  tool_calls: ["id"],
  transcripts: ["id", "seq", "message_id"],
  agent_events: ["id", "offset"],
  turns: ["id", "offset"],
  outbox: ["id"],
} as const;

interface Template {
  readonly table: string;
  readonly columns: readonly string[];
  readonly unique: readonly string[];
  readonly rows: readonly (readonly InValue[])[];
}

/** What one turn left, as the real thing wrote it. */
async function readTemplates(url: string): Promise<Template[]> {
  const db = createClient({ url });
  const templates: Template[] = [];
  for (const [table, unique] of Object.entries(TABLES)) {
    const { columns, rows } = await db.execute(`SELECT * FROM ${table}`);
    if (rows.length === 0) throw new Error(`Cannot measure: a turn left nothing in ${table}`);
    templates.push({
      table,
      columns,
      unique,
      rows: rows.map((row) => columns.map((column) => row[column] ?? null)),
    });
  }
  db.close();
  return templates;
}

async function oneTurn(): Promise<Template[]> {
  const place = join(dir, "one");
  await mkdir(place);
  {
    await using core = await openTurnWork({ dir: place, migrationsDir, tenants: 1 });
    await core.talk(0, "person-0");
    await core.work.drain(AbortSignal.timeout(10_000));
  }
  return readTemplates(`file:${join(place, "core.db")}`);
}

const templates = await oneTurn();
await mkdir(join(dir, "bare"));
{
  // The same tables, indexes and triggers.
  await using _core = await openTurnWork({ dir: join(dir, "bare"), migrationsDir, tenants: 1 });
}
const db = createClient({ url: `file:${join(dir, "bare", "core.db")}`, concurrency: 1 });
await db.execute("PRAGMA synchronous=FULL");
if ((await db.execute("PRAGMA synchronous")).rows[0]?.[0] !== 2) {
  throw new Error("Cannot measure: synchronous is not FULL");
}

/** Turns of one conversation, as on the other side. */
const TURNS_EACH = 4;
const TENANTS = 10;
/** Columns whose values lie anywhere in an index, as those of real conversations do. */
const OF_CONVERSATION: ReadonlySet<string> = new Set(["session_id", "contact", "sender_id"]);
/** Who talks; another person after some turns. */
let conversation = randomUUID();
let last = 0;

/** What one of a turn's rows holds in a column. */
function valueOf(
  { unique, rows }: Template,
  column: string,
  value: InValue,
  { turn, row }: { turn: number; row: number },
): InValue {
  const rising = String(turn).padStart(12, "0");
  if (value === null) return null;
  if (column === "account_id") return `t${Math.floor(turn / TURNS_EACH) % TENANTS}`;
  if (OF_CONVERSATION.has(column)) return conversation;
  // They rise with each turn, like the ids of the product, and are as long.
  if (column === "turn_id") return `${rising}-0000-7000-8000-000000000000`;
  if (!unique.includes(column)) return value;
  if (typeof value === "number") return turn * rows.length + row;
  return `${rising}-${String(row).padStart(4, "0")}-7000-8000-00000000000`;
}

/** Inserts the rows of `turns` turns, one statement for each table, in one transaction. */
async function commit(turns: number): Promise<void> {
  const first = last + 1;
  last += turns;
  await db.batch(
    templates.map((template) => {
      const { table, columns, rows } = template;
      const args: InValue[] = [];
      for (let turn = first; turn <= last; turn++) {
        if (turn % TURNS_EACH === 0) conversation = randomUUID();
        rows.forEach((values, row) => {
          columns.forEach((column, at) => {
            args.push(valueOf(template, column, values[at] ?? null, { turn, row }));
          });
        });
      }
      const values = `(${columns.map(() => "?").join()})`;
      const all = Array.from({ length: rows.length * turns }, () => values).join();
      return { sql: `INSERT INTO ${table} (${columns.join()}) VALUES ${all}`, args };
    }),
    "write",
  );
}

onQuestion<CallJob>(async ({ durationMs, inFlight, maxCalls }) => {
  const first = last;
  const startedAtMs = performance.now();
  while (performance.now() - startedAtMs < durationMs && last - first < maxCalls) {
    await commit(inFlight);
  }
  const report: CallReport = {
    calls: last - first,
    seconds: (performance.now() - startedAtMs) / 1000,
  };
  return report;
});
sayReady({});
await benchGone();
db.close();

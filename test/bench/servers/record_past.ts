/**
 * A long past, written by SQL into the product's own tables.
 *
 * Tenants take turns, so that each one's rows lie as far apart as they do in a shared database.
 *
 * @module
 */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type Database, openDatabase } from "../../../core/store/database.ts";
import { migrate } from "../../../core/store/migrations.ts";
import { AGENT } from "./record_words.ts";
import { benchGone, onQuestion, sayReady } from "./talk.ts";

/** What is asked of this process: how much there shall be, of what. */
export interface Past {
  readonly what: "turns" | "transcripts";
  readonly rows: number;
  readonly tenants: number;
}

/** Rows that one statement writes. */
const BATCH_ROWS = 250_000;
/** 2026-01-01, and one row each 500 ms from then on. */
const BEGAN_AT_MS = 1_767_225_600_000;

const UUID = (salt: number): string =>
  `printf('%08x-%04x-7${salt}00-8000-%012x', i >> 16, i & 65535, i)`;
const SESSION = `printf('%08x-0000-5000-8000-%012x', i % tenants, (i / tenants) % 40)`;
const HEX = (bytes: number): string => `lower(hex(randomblob(${bytes})))`;

const TURNS = `INSERT INTO turns (
    id, account_id, offset, agent_id, session_id, channel, instance, binding_id, trigger, envelope_id,
    delivery_id, inbound_ids, started_at_ms, finished_at_ms, outcome, error, attempts, provider, model,
    tokens_in, tokens_out, tokens_cached, cost_micros, tool_calls, duration_ms, trace_id, content_salt,
    content_hmac, prev_hash, hash)
  SELECT ${UUID(1)}, 'tenant-' || (i % tenants), i / tenants + 1, '${AGENT}', ${SESSION}, 'webchat',
    'tenant-' || (i % tenants), 'webchat:tenant-' || (i % tenants), 'channel', NULL, NULL,
    '["' || ${UUID(2)} || '"]', ${BEGAN_AT_MS} + i * 500, ${BEGAN_AT_MS} + i * 500 + 1200,
    CASE i % 50 WHEN 0 THEN 'error' ELSE 'ok' END, NULL, 1, 'offline', 'rules', 900, 60, 0, 340, 1, 1200,
    NULL, ${HEX(16)}, ${HEX(32)} || '.' || ${HEX(32)}, ${HEX(32)}, ${HEX(32)}
  FROM n, (SELECT CAST(?3 AS INTEGER) AS tenants)`;

const word = "'w' || abs(random() % 20000)";
const TRANSCRIPTS = `INSERT INTO transcripts (
    id, account_id, agent_id, session_id, seq, role, body, sealed, source_plugin, sender_id, message_id,
    turn_id, sent_at_ms, terms)
  SELECT i + 1, 'tenant-' || (i % tenants), '${AGENT}', ${SESSION}, i / tenants, CASE i % 2 WHEN 0 THEN 'user' ELSE 'assistant' END,
    ${Array.from({ length: 6 }, () => word).join(" || ' ' || ")}
      || CASE abs(random() % 5) WHEN 0 THEN ' invoice ' ELSE ' ' END
      || CASE abs(random() % 2) WHEN 0 THEN 'please ' ELSE '' END
      || ${Array.from({ length: 6 }, () => word).join(" || ' ' || ")},
    randomblob(160), 'webchat', NULL, ${UUID(3)}, ${UUID(1)}, ${BEGAN_AT_MS} + i * 500, ''
  FROM n, (SELECT CAST(?3 AS INTEGER) AS tenants)`;

const [url = "", migrationsDir = ""] = process.argv.slice(2);

/** Makes the database as the product does, and fills it. */
async function fill({ what, ...past }: Past): Promise<void> {
  using db = openDatabase(fileURLToPath(url), { timeoutMs: 0 });
  await migrate(db, { dir: migrationsDir, now: Date.now });
  const sql = what === "turns" ? TURNS : TRANSCRIPTS;
  inBulk(db, what, () => insertAll(db, sql, past));
  if (what === "turns") return;
  say("indexing what was said");
  db.exec("INSERT INTO transcripts_fts (transcripts_fts) VALUES ('rebuild')");
}

function insertAll(db: Database, sql: string, { rows, tenants }: Omit<Past, "what">): void {
  for (let from = 0; from < rows; from += BATCH_ROWS) {
    const to = Math.min(rows, from + BATCH_ROWS);
    db.run(
      `WITH RECURSIVE n (i) AS (SELECT CAST(?1 AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2) ${sql}`,
      [from, to, tenants],
    );
    say(`${to.toLocaleString("en")} of ${rows.toLocaleString("en")} rows`);
  }
}

/** Does `work` without a journal and without the table's indexes and triggers, which are there again after it. */
function inBulk(db: Database, table: string, work: () => void): void {
  db.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
  const rows = db.all(
    `SELECT type, name, sql FROM sqlite_master
      WHERE tbl_name = ? AND type IN ('index', 'trigger') AND sql IS NOT NULL`,
    [table],
  );
  const parts = rows as unknown as readonly { type: string; name: string; sql: string }[];
  for (const { type, name } of parts) db.exec(`DROP ${type} ${name}`);
  work();
  for (const { name, sql } of parts) {
    say(`making ${name}`);
    db.exec(sql);
  }
}

function say(line: string): void {
  process.stderr.write(`  ${line}\n`);
}

onQuestion<Past>(async (past) => {
  await fill(past);
  return {};
});
sayReady({});
await benchGone();

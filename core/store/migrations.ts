/**
 * Numbered SQL files, applied once each and only forward.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { type Clock, CodedError, messageOf } from "../contract/mod.ts";
import { failureOf, textOf } from "./connection.ts";
import type { Database } from "./database.ts";

const isMigration = /^(\d{4})_[a-z0-9_]+\.sql$/;

interface Migration {
  readonly number: number;
  readonly file: string;
  readonly sql: string;
  readonly sha256: string;
}

interface Applied {
  readonly number: number;
  readonly file: string;
  readonly sha256: string;
}

/**
 * Applies the files of `dir` that the database does not have yet, each in its own transaction.
 *
 * @returns the names of the files applied now
 * @throws {CodedError} `config_invalid` when files and database contradict each other or SQL fails
 */
export async function migrate(
  db: Database,
  { dir, now }: { dir: string; now: Clock },
): Promise<string[]> {
  const migrations = await readMigrations(dir);
  db.exec(
    `CREATE TABLE IF NOT EXISTS migrations (
      number INTEGER PRIMARY KEY,
      file TEXT NOT NULL,
      sha256 TEXT NOT NULL,
      applied_at_ms INTEGER NOT NULL
    ) STRICT;`,
  );
  const pending = pendingOf(migrations, readApplied(db));
  for (const migration of pending) apply(db, migration, now());
  return pending.map(({ file }) => file);
}

async function readMigrations(dir: string): Promise<Migration[]> {
  const migrations: Migration[] = [];
  for (const file of (await readdir(dir)).toSorted()) {
    if (!file.endsWith(".sql")) continue;
    const number = Number(isMigration.exec(file)?.[1]);
    if (!(number > (migrations.at(-1)?.number ?? 0))) {
      throw refuse(`"${file}" needs a name like "0002_words.sql" and a number of its own`);
    }
    const sql = await readFile(join(dir, file), "utf8");
    migrations.push({ number, file, sql, sha256: createHash("sha256").update(sql).digest("hex") });
  }
  return migrations;
}

function readApplied(db: Database): Applied[] {
  const rows = db.all("SELECT number, file, sha256 FROM migrations ORDER BY number");
  return rows.map((row) => ({
    number: Number(row["number"]),
    file: textOf(row["file"]),
    sha256: textOf(row["sha256"]),
  }));
}

function pendingOf(migrations: readonly Migration[], applied: readonly Applied[]): Migration[] {
  const byNumber = new Map(migrations.map((migration) => [migration.number, migration]));
  const newestKnown = migrations.at(-1)?.number ?? 0;
  for (const { number, file, sha256 } of applied) {
    const known = byNumber.get(number);
    if (known === undefined && number > newestKnown) {
      throw refuse(`the database has "${file}", so it is newer than this program`);
    }
    if (known === undefined) throw refuse(`"${file}" was applied and is missing`);
    if (known.sha256 !== sha256) throw refuse(`"${known.file}" changed after it was applied`);
  }
  const newestApplied = applied.at(-1)?.number ?? 0;
  const done = new Set(applied.map(({ number }) => number));
  const pending = migrations.filter(({ number }) => !done.has(number));
  const late = pending.find(({ number }) => number < newestApplied);
  if (late !== undefined) throw refuse(`"${late.file}" comes before one that was already applied`);
  return pending;
}

function apply(db: Database, migration: Migration, nowMs: number): void {
  const { number, file, sql, sha256 } = migration;
  db.begin();
  try {
    db.exec(sql);
    db.run(
      "INSERT INTO migrations (number, file, sha256, applied_at_ms) VALUES (?, ?, ?, ?)",
      [number, file, sha256, nowMs],
    );
    db.commit();
  } catch (error) {
    db.rollback();
    if (failureOf(error) === "busy" || failureOf(error) === "full") throw error;
    throw refuse(`"${file}" failed: ${messageOf(error)}`, error);
  }
}

function refuse(state: string, cause?: unknown): CodedError {
  return new CodedError("config_invalid", `Cannot migrate the store: ${state}`, { cause });
}

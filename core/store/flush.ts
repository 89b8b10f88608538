/**
 * One transaction for many units of work, in which each unit still stands or falls alone.
 *
 * @module
 */
import type { Client, Transaction } from "@libsql/client";

import { type Clock, CodedError } from "../contract/mod.ts";
import {
  abandon,
  argsOf,
  beginWrite,
  commitWrite,
  failureOf,
  type Statements,
  storeError,
} from "./connection.ts";
import { createBulkBuffer } from "./bulks.ts";
import type { Heads, TentativeHeads } from "./heads.ts";
import { createRowBuffer } from "./rows.ts";
import type { Append, Appended, Statement, Write } from "./store.ts";

/** What became of a flush. */
export interface Flushed {
  /** Rows written by appends, in commit order. */
  readonly appended: readonly Appended[];
  /** Why units failed, by their index; the others are on disk. */
  readonly failed: ReadonlyMap<number, CodedError>;
}

type Unit = readonly Write[];

/** How long statements may keep the event loop at a time, in milliseconds. */
const BREATH_MS = 5;

/**
 * Commits `units` together; when that fails for one of them, again with a savepoint for each. The event
 * loop turns meanwhile when that takes a while.
 *
 * @throws whatever is no single unit's fault: a lock, a full disk, a broken file. Nothing is written then
 */
export async function flush(
  client: Client,
  heads: Heads,
  units: readonly Unit[],
  now: Clock,
): Promise<Flushed> {
  try {
    return await inTransaction(client, heads, async (tx, tentative) => {
      const appended = await writeUnits(breathing(tx, now), tentative, units);
      tentative.keep();
      return { appended, failed: new Map() };
    });
  } catch (error) {
    if (isShared(error)) throw error;
    if (units.length === 1) return { appended: [], failed: new Map([[0, unitError(error)]]) };
  }
  return inTransaction(client, heads, (tx, tentative) => writeSingly(tx, tentative, units));
}

/** `tx`, whose statements let the event loop turn after every few milliseconds of them. */
function breathing(tx: Transaction, now: Clock): Statements {
  let sinceMs = now();
  return {
    async execute(statement) {
      if (now() - sinceMs >= BREATH_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        sinceMs = now();
      }
      return tx.execute(statement);
    },
  };
}

/** A failure that would meet every unit alike. */
function isShared(error: unknown): boolean {
  const failure = failureOf(error);
  return failure === "busy" || failure === "full";
}

function unitError(error: unknown): CodedError {
  return storeError("commit", error);
}

async function inTransaction(
  client: Client,
  heads: Heads,
  write: (tx: Transaction, tentative: TentativeHeads) => Promise<Flushed>,
): Promise<Flushed> {
  const tx = await beginWrite(client);
  try {
    const tentative = heads.begin();
    const flushed = await write(tx, tentative);
    await tentative.save(tx);
    await commitWrite(tx);
    tentative.adopt();
    return flushed;
  } catch (error) {
    await abandon(tx);
    throw error;
  }
}

async function writeSingly(
  tx: Transaction,
  heads: TentativeHeads,
  units: readonly Unit[],
): Promise<Flushed> {
  const appended: Appended[] = [];
  const failed = new Map<number, CodedError>();
  for (const [i, unit] of units.entries()) {
    await tx.executeMultiple("SAVEPOINT unit");
    try {
      const rows = await writeUnits(tx, heads, [unit]);
      await tx.executeMultiple("RELEASE unit");
      heads.keep();
      for (const row of rows) appended.push(row);
    } catch (error) {
      // SQLite ends the whole transaction by itself on its gravest errors.
      if (isShared(error) || tx.closed) throw error;
      await tx.executeMultiple("ROLLBACK TO unit; RELEASE unit");
      heads.drop();
      failed.set(i, unitError(error));
    }
  }
  return { appended, failed };
}

/** All inserts first, merged; then statements, bulks and appends; see `Store.commit` for their order. */
async function writeUnits(
  tx: Statements,
  heads: TentativeHeads,
  units: readonly Unit[],
): Promise<Appended[]> {
  const rows = createRowBuffer();
  const bulks = createBulkBuffer();
  const streams = new Set<string>();
  for (const write of units.flat()) {
    if (write.type === "insert") rows.add(write.table, write.row, write.onConflict);
    else if (write.type === "append") { for (const name of write.streams) streams.add(name); }
  }
  await rows.write(tx);
  await heads.load(tx, streams);

  const appended: Appended[] = [];
  for (const unit of units) {
    bulks.nextUnit();
    for (const write of unit) {
      if (write.type === "append") {
        const row = place(heads, write);
        rows.add(write.table, row, undefined);
        appended.push({ table: write.table, row });
      } else if (write.type === "bulk") {
        if (bulks.add(write)) continue;
        await bulks.run(tx);
        bulks.add(write);
      } else if (write.type === "statement") {
        await bulks.run(tx);
        await rows.write(tx);
        await runStatement(tx, write);
      }
    }
  }
  await bulks.run(tx);
  await rows.write(tx);
  return appended;
}

function place(heads: TentativeHeads, { streams, row: rowAt }: Append): Appended["row"] {
  const { row, hash = "" } = rowAt(streams.map((name) => heads.next(name)));
  for (const name of streams) heads.advance(name, hash);
  return row;
}

async function runStatement(tx: Statements, { sql, args, changes }: Statement): Promise<void> {
  const result = await tx.execute({ sql, args: argsOf(args) });
  // A statement with RETURNING reports its rows instead of a count.
  const changed = result.columns.length > 0 ? result.rows.length : result.rowsAffected;
  if (changes !== undefined && changed !== changes) {
    throw new CodedError(
      "conflict",
      `Cannot commit: a statement changed ${changed} rows, not ${changes}`,
    );
  }
}

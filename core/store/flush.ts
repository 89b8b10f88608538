/**
 * One transaction for many units of work, in which each unit still stands or falls alone.
 *
 * @module
 */
import { type Clock, CodedError } from "../contract/mod.ts";
import { type Breath, createBreath } from "./breath.ts";
import { createBulkBuffer } from "./bulks.ts";
import { failureOf, storeError } from "./connection.ts";
import type { Database } from "./database.ts";
import { type Heads, nameOf, type TentativeHeads } from "./heads.ts";
import { createRowBuffer } from "./rows.ts";
import type { Append, Appended, Statement, Stream, Write } from "./store.ts";

/** What became of a flush. */
export interface Flushed {
  /** Rows written by appends, in commit order. */
  readonly appended: readonly Appended[];
  /** Why units failed, by their index; the others are on disk. */
  readonly failed: ReadonlyMap<number, CodedError>;
}

type Unit = readonly Write[];

/** A transaction under way. */
interface Transaction {
  readonly db: Database;
  readonly heads: TentativeHeads;
  readonly breath: Breath;
}

/**
 * Commits `units` together; when that fails for one of them, again with a savepoint for each. The event
 * loop turns meanwhile when that takes a while.
 *
 * @throws whatever is no single unit's fault: a lock, a full disk, a broken file. Nothing is written then
 */
export async function flush(
  db: Database,
  heads: Heads,
  units: readonly Unit[],
  now: Clock,
): Promise<Flushed> {
  const inTransaction = (write: (tx: Transaction) => Promise<Flushed>): Promise<Flushed> =>
    commitWhole({ db, heads: heads.begin(), breath: createBreath(now) }, write);
  try {
    return await inTransaction(async (tx) => {
      const appended = await writeUnits(tx, units);
      tx.heads.keep();
      return { appended, failed: new Map() };
    });
  } catch (error) {
    if (isShared(error)) throw error;
    if (units.length === 1) return { appended: [], failed: new Map([[0, unitError(error)]]) };
  }
  return inTransaction((tx) => writeSingly(tx, units));
}

/** A failure that would meet every unit alike. */
function isShared(error: unknown): boolean {
  const failure = failureOf(error);
  return failure === "busy" || failure === "full";
}

function unitError(error: unknown): CodedError {
  return storeError("commit", error);
}

async function commitWhole(
  tx: Transaction,
  write: (tx: Transaction) => Promise<Flushed>,
): Promise<Flushed> {
  const { db, heads } = tx;
  db.begin();
  try {
    const flushed = await write(tx);
    heads.save(db);
    db.commit();
    heads.adopt();
    return flushed;
  } catch (error) {
    db.rollback();
    throw error;
  }
}

async function writeSingly(tx: Transaction, units: readonly Unit[]): Promise<Flushed> {
  const { db, heads } = tx;
  const appended: Appended[] = [];
  const failed = new Map<number, CodedError>();
  for (const [i, unit] of units.entries()) {
    db.exec("SAVEPOINT unit");
    try {
      const rows = await writeUnits(tx, [unit]);
      db.exec("RELEASE unit");
      heads.keep();
      for (const row of rows) appended.push(row);
    } catch (error) {
      // SQLite ends the whole transaction by itself on its gravest errors.
      if (isShared(error) || !db.inTransaction()) throw error;
      db.exec("ROLLBACK TO unit; RELEASE unit");
      heads.drop();
      failed.set(i, unitError(error));
    }
  }
  return { appended, failed };
}

/** All inserts first, merged; then statements, bulks and appends; see `Store.commit` for their order. */
async function writeUnits(
  { db, heads, breath }: Transaction,
  units: readonly Unit[],
): Promise<Appended[]> {
  const rows = createRowBuffer();
  const bulks = createBulkBuffer();
  const streams = new Map<string, Stream>();
  for (const unit of units) {
    for (const write of unit) {
      if (write.type === "insert") rows.add(write.table, write.row, write.onConflict);
      else if (write.type === "append") {
        for (const stream of write.streams) streams.set(nameOf(stream), stream);
      }
    }
  }
  await rows.write(db, breath);
  heads.load(db, streams);

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
        await bulks.run(db, breath);
        bulks.add(write);
      } else if (write.type === "statement") {
        await bulks.run(db, breath);
        await rows.write(db, breath);
        runStatement(db, write);
      }
    }
  }
  await bulks.run(db, breath);
  await rows.write(db, breath);
  return appended;
}

function place(heads: TentativeHeads, { streams, row: rowAt }: Append): Appended["row"] {
  const { row, hash = "" } = rowAt(streams.map((stream) => heads.next(nameOf(stream))));
  for (const stream of streams) heads.advance(nameOf(stream), hash);
  return row;
}

function runStatement(db: Database, { sql, args, changes }: Statement): void {
  const changed = db.run(sql, args);
  if (changes !== undefined && changed !== changes) {
    throw new CodedError(
      "conflict",
      `Cannot commit: a statement changed ${changed} rows, not ${changes}`,
    );
  }
}

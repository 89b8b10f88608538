/**
 * A libSQL file with its numbered SQL applied.
 *
 * @module
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Client, createClient, type InArgs } from "@libsql/client";

/** A row as it is read. */
export type Row = Record<string, string | number | null>;

/** SQL and its values. */
export interface Statement {
  readonly sql: string;
  readonly args: InArgs;
}

/** One database. */
export interface Database extends Disposable {
  readonly all: <T extends object = Row>(sql: string, args?: InArgs) => Promise<T[]>;
  /** Resolves with the number of rows that changed. */
  readonly run: (sql: string, args?: InArgs) => Promise<number>;
  /** All of them, or none. */
  readonly batch: (statements: readonly Statement[]) => Promise<void>;
  /** Deletes, and resolves with how many rows are gone once neither the file nor its log holds them. */
  readonly erase: (deletes: readonly Statement[]) => Promise<number>;
}

const WAIT_MS = 5_000;

/** Opens the file and brings it up to date. */
export async function openDatabase(
  { file, migrations }: { file: string; migrations: string },
): Promise<Database> {
  // One connection: settings hold for a connection, and there is one writer.
  const client = createClient({ url: `file:${file}`, concurrency: 1, timeout: WAIT_MS });
  await client.execute("PRAGMA journal_mode = WAL");
  await client.execute("PRAGMA synchronous = FULL");
  await client.execute("PRAGMA foreign_keys = ON");
  await client.execute("PRAGMA secure_delete = ON");
  await migrate(client, migrations);
  return {
    all: async <T extends object>(sql: string, args: InArgs = []) =>
      (await client.execute({ sql, args })).rows.map((row) => ({ ...row })) as unknown as T[],
    run: async (sql, args = []) => (await client.execute({ sql, args })).rowsAffected,
    batch: async (statements) => void await client.batch([...statements], "write"),
    async erase(deletes) {
      const results = await client.batch([...deletes], "write");
      await client.execute("PRAGMA wal_checkpoint(TRUNCATE)");
      return results.reduce((sum, { rowsAffected }) => sum + rowsAffected, 0);
    },
    [Symbol.dispose]: () => client.close(),
  };
}

async function migrate(client: Client, dir: string): Promise<void> {
  const { rows } = await client.execute("PRAGMA user_version");
  let version = Number(rows[0]?.["user_version"] ?? 0);
  const files = (await readdir(dir)).filter((name) => /^\d{4}_\w+\.sql$/.test(name)).toSorted();
  for (const name of files) {
    const number = Number(name.slice(0, 4));
    if (number <= version) continue;
    const sql = await readFile(join(dir, name), "utf8");
    await client.executeMultiple(`BEGIN;\n${sql}\nPRAGMA user_version = ${number};\nCOMMIT;`);
    version = number;
  }
}

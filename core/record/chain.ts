/**
 * Walks a chain of rows and says where it was touched.
 *
 * @module
 */
import type { Row, Store } from "../store/store.ts";
import { AUDIT_HASHED, auditStream } from "./admin_audit.ts";
import { hashRow } from "./hash.ts";
import type { Head } from "./heads.ts";
import { erasablePartHolds, TURN_ERASABLE, TURN_HASHED, turnStream } from "./turns.ts";

const PAGE_ROWS = 1000;
/** One broken link tells the story; a forged table must not fill the memory. */
const MAX_PROBLEMS = 100;

/** The tables whose rows are chained per account. */
export type ChainedTable = "turns" | "admin_audit";

/** How the rows of a table are chained. */
export interface Chain {
  readonly stream: (account: string) => string;
  /** Columns under the hash. */
  readonly hashed: readonly string[];
  /** Columns under the row's own salted digest; they can be erased. */
  readonly erasable: readonly string[];
  /** Whether the columns that the hash leaves out are as they were. */
  readonly restHolds: (row: Row) => boolean;
}

/** Both of them. */
export const CHAINS: Readonly<Record<ChainedTable, Chain>> = {
  turns: {
    stream: turnStream,
    hashed: TURN_HASHED,
    erasable: TURN_ERASABLE,
    restHolds: erasablePartHolds,
  },
  admin_audit: {
    stream: auditStream,
    hashed: AUDIT_HASHED,
    erasable: [],
    restHolds: () => true,
  },
};

/** What is wrong, and at which offset. */
export interface ChainProblem {
  readonly offset: number;
  readonly problem: string;
}

/** What {@linkcode verifyChain} found. */
export interface ChainReport {
  readonly stream: string;
  readonly ok: boolean;
  /** Rows that were read. */
  readonly rows: number;
  /** Where the chain ends, to be signed when it is `ok`; offset 0 when it is empty. */
  readonly head: Pick<Head, "offset" | "hash">;
  /** At most 100. */
  readonly problems: readonly ChainProblem[];
}

/** Hears how many rows were read so far. */
export type OnRows = (rows: number) => void;

/** Which chain, and what is known of it from outside the database. */
export interface ChainQuery {
  readonly account: string;
  readonly table: ChainedTable;
  /** A head whose signature was checked: the chain must still contain it. */
  readonly signedHead?: Head | undefined;
  /** Where retention cut off the beginning, its signature checked: the chain must go on from there. */
  readonly checkpoint?: Head | undefined;
}

/** Accounts that have a chain in `table`, in order. */
export async function chainedAccounts(
  store: Pick<Store, "readMany">,
  table: ChainedTable,
): Promise<string[]> {
  const prefix = CHAINS[table].stream("");
  // The rows are asked, too: who deletes a head must not make its chain invisible.
  const rows = await store.readMany<{ account: string }>(
    `SELECT substr(name, ?) AS account FROM streams WHERE name >= ? AND name < ?
     UNION SELECT DISTINCT account_id FROM ${table} ORDER BY account`,
    [prefix.length + 1, prefix, `${prefix.slice(0, -1)};`],
  );
  return rows.map(({ account }) => account);
}

/** The hash of one row, or undefined when it is not there. */
export async function chainedRowHash(
  store: Pick<Store, "read">,
  { account, table }: Pick<ChainQuery, "account" | "table">,
  offset: number,
): Promise<string | undefined> {
  const [row] = await store.read<{ hash: string }>(
    `SELECT hash FROM ${table} WHERE account_id = ? AND offset = ?`,
    [account, offset],
  );
  return row?.hash;
}

/** Finds any changed, missing, added or cut-off row of an account's chain. Writers may go on meanwhile. */
export async function verifyChain(
  store: Pick<Store, "read" | "readMany">,
  query: ChainQuery,
  onRows: OnRows = () => undefined,
): Promise<ChainReport> {
  const { account, table, signedHead, checkpoint } = query;
  const stream = CHAINS[table].stream(account);
  const walk = startWalk(query);
  for (const head of [signedHead, checkpoint]) {
    if (head !== undefined && head.stream !== stream) {
      walk.report(head.offset, `the signed head belongs to "${head.stream}"`);
    }
  }
  walk.expect(await readChainHead(store, stream), "the head of the stream");
  if (signedHead !== undefined) walk.expect(signedHead, "the signed head");
  let read = 0;
  for await (const page of pagesAfter(store, table, account, checkpoint?.offset)) {
    for (const row of page) walk.take(row);
    onRows(read += page.length);
  }

  // Read again: rows that were written during the walk have moved it.
  const { offset } = await readChainHead(store, stream);
  return { stream, ...walk.end(offset) };
}

interface Walk {
  report(offset: number, problem: string): void;
  /** The row at `offset` must exist and have this hash. */
  expect(head: Pick<Head, "offset" | "hash">, name: string): void;
  take(row: Row): void;
  end(headOffset: number): Omit<ChainReport, "stream">;
}

function startWalk({ table, checkpoint }: ChainQuery): Walk {
  const { hashed, restHolds } = CHAINS[table];
  const start = { offset: checkpoint?.offset ?? 0, hash: checkpoint?.hash ?? "" };
  const expected: { offset: number; hash: string; name: string }[] = [];
  const problems: ChainProblem[] = [];
  let last = start;
  let rows = 0;

  function report(offset: number, problem: string): void {
    if (problems.length < MAX_PROBLEMS) problems.push({ offset, problem });
  }
  function compare({ offset, hash }: typeof last): void {
    for (const head of expected) {
      if (head.offset === offset && head.hash !== hash) {
        report(offset, `${head.name} has another hash`);
      }
    }
  }

  return {
    report,
    expect({ offset, hash }, name) {
      // What lies before the checkpoint is gone, and the checkpoint vouches for it.
      if (offset < start.offset) return;
      expected.push({ offset, hash, name });
      if (offset === start.offset) compare(start);
    },
    take(row) {
      const offset = Number(row["offset"]);
      const prevHash = String(row["prev_hash"]);
      const hash = String(row["hash"]);
      rows++;
      if (offset !== last.offset + 1) report(offset, `the row before it is ${last.offset}`);
      else if (prevHash !== last.hash) {
        report(offset, "the row does not follow from the one before");
      }
      if (hashRow(prevHash, row, hashed) !== hash) report(offset, "the row was changed");
      if (!restHolds(row)) report(offset, "the erasable part of the row was changed");
      last = { offset, hash };
      compare(last);
    },
    end(headOffset) {
      for (const { offset, name } of expected) {
        if (last.offset < offset) {
          report(offset, `${name} is not there: the last row is ${last.offset}`);
        }
      }
      if (last.offset > headOffset) report(last.offset, `the head of the stream is ${headOffset}`);
      return { ok: problems.length === 0, rows, head: last, problems };
    },
  };
}

/** Where a stream ends; offset 0 before its first row. */
export async function readChainHead(
  store: Pick<Store, "read">,
  stream: string,
): Promise<Pick<Head, "offset" | "hash">> {
  const [row] = await store.read<{ head: number; hash: string }>(
    "SELECT head, hash FROM streams WHERE name = ?",
    [stream],
  );
  return { offset: row?.head ?? 0, hash: row?.hash ?? "" };
}

/** Whole rows of a chain, in its order. */
export function readChain(
  store: Pick<Store, "readMany">,
  { table, account, after, upTo = Number.MAX_SAFE_INTEGER, limit }:
    & Pick<ChainQuery, "account" | "table">
    & { readonly after: number; readonly upTo?: number; readonly limit: number },
): Promise<Row[]> {
  return store.readMany(
    `SELECT * FROM ${table} WHERE account_id = ? AND offset > ? AND offset <= ?
     ORDER BY offset LIMIT ?`,
    [account, after, upTo, limit],
  );
}

async function* pagesAfter(
  store: Pick<Store, "readMany">,
  table: ChainedTable,
  account: string,
  checkpoint = Number.MIN_SAFE_INTEGER,
): AsyncGenerator<Row[]> {
  let after = checkpoint;
  for (;;) {
    const page = await readChain(store, { table, account, after, limit: PAGE_ROWS });
    yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE_ROWS) return;
    after = Number(last["offset"]);
  }
}

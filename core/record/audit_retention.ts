/**
 * How much of the admin audit is kept. Of every chain only the beginning goes, and a signed statement
 * says so before it does: a chain that was cut by anybody else does not verify.
 *
 * @module
 */
import { CodedError } from "../contract/mod.ts";
import { delay } from "../flow/delay.ts";
import { statement, type Store } from "../store/store.ts";
import { auditStream } from "./admin_audit.ts";
import { chainedAccounts } from "./chain.ts";
import type { Head } from "./heads.ts";

/** What is kept; 0 means no limit. */
export interface AuditKeep {
  readonly days: number;
  /** Calls of all tenants together; each is two rows, before and after. */
  readonly calls: number;
}

/** What {@linkcode trimAudit} needs. */
export interface AuditTrimDeps {
  readonly store: Pick<Store, "commit" | "readMany">;
  readonly keep: AuditKeep;
  readonly nowMs: number;
  /** Keeps the statement that everything up to this row is deleted on purpose. */
  readonly writeCheckpoint: (head: Head) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

const DAY_MS = 86_400_000;
/** Rows looked at, and deleted in one commit. */
const PAGE_ROWS = 1_000;
const BATCH_ROWS = 250;
const BETWEEN_BATCHES_MS = 5;

interface AuditTimes extends Record<string, string | number> {
  id: string;
  at_ms: number;
}
interface AuditLink extends AuditTimes {
  offset: number;
  prev_hash: string;
  hash: string;
}

/** Deletes what `keep` does not cover; returns how many rows went. */
export async function trimAudit(deps: AuditTrimDeps): Promise<number> {
  const { store, keep, nowMs } = deps;
  const beforeMs = keep.days === 0 ? Number.MIN_SAFE_INTEGER : nowMs - keep.days * DAY_MS;
  const lastSurplus = await findLastSurplus(store, keep.calls);
  const isDue = ({ at_ms, id }: AuditTimes): boolean =>
    at_ms < beforeMs ||
    (lastSurplus !== undefined &&
      (at_ms < lastSurplus.at_ms || (at_ms === lastSurplus.at_ms && id <= lastSurplus.id)));

  let trimmed = 0;
  for (const account of await chainedAccounts(store, "admin_audit")) {
    deps.signal?.throwIfAborted();
    const last = await findLastDue(store, account, isDue);
    if (last === undefined) continue;
    const { offset, hash } = last;
    await deps.writeCheckpoint({ stream: auditStream(account), offset, hash, atMs: nowMs });
    trimmed += await deleteUpTo(deps, account, offset);
  }
  return trimmed;
}

/** The newest of the calls that are too many. */
async function findLastSurplus(
  store: AuditTrimDeps["store"],
  calls: number,
): Promise<Pick<AuditTimes, "at_ms" | "id"> | undefined> {
  if (calls === 0) return undefined;
  const [row] = await store.readMany<AuditTimes>(
    `SELECT at_ms, id FROM admin_audit WHERE phase = 'intent'
     ORDER BY at_ms DESC, id DESC LIMIT 1 OFFSET ?`,
    [calls],
  );
  return row;
}

/**
 * The last row of the chain's beginning in which every row is due.
 *
 * @throws {CodedError} `internal` when a link is missing: what was tampered with is not tidied away
 */
async function findLastDue(
  store: AuditTrimDeps["store"],
  account: string,
  isDue: (row: AuditTimes) => boolean,
): Promise<AuditLink | undefined> {
  let last: AuditLink | undefined;
  for (;;) {
    const page = await store.readMany<AuditLink>(
      `SELECT id, offset, prev_hash, hash, at_ms FROM admin_audit
       WHERE account_id = ? AND offset > ? ORDER BY offset LIMIT ?`,
      [account, last?.offset ?? 0, PAGE_ROWS],
    );
    for (const row of page) {
      if (!isDue(row)) return last;
      if (last !== undefined && (row.offset !== last.offset + 1 || row.prev_hash !== last.hash)) {
        throw new CodedError(
          "internal",
          `Cannot trim the audit of "${account}": its chain is broken at ${row.offset}; ` +
            "see `nexo audit verify`",
        );
      }
      last = row;
    }
    if (page.length < PAGE_ROWS) return last;
  }
}

async function deleteUpTo(
  { store, signal }: AuditTrimDeps,
  account: string,
  offset: number,
): Promise<number> {
  const [first] = await store.readMany<{ offset: number }>(
    "SELECT min(offset) AS offset FROM admin_audit WHERE account_id = ?",
    [account],
  );
  const from = first?.offset ?? offset + 1;
  for (let upTo = from - 1; upTo < offset;) {
    signal?.throwIfAborted();
    upTo = Math.min(upTo + BATCH_ROWS, offset);
    await store.commit([
      statement("DELETE FROM admin_audit WHERE account_id = ? AND offset <= ?", [account, upTo]),
    ]);
    await delay(BETWEEN_BATCHES_MS, { signal });
  }
  return offset - from + 1;
}

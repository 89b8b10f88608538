/**
 * The table `limit_buckets`.
 *
 * @module
 */
import { bulk, type Row, statement, type Store, type Value, type Write } from "../store/store.ts";

/** What a bucket counts, and for whom. */
export interface BucketKey {
  readonly account: string;
  readonly agentId: string;
  /** `<channel>:<instance>`; empty without a binding. */
  readonly bindingId: string;
  /** The tool as the model calls it, the digest of a sender, or a microapp's id. */
  readonly name: string;
  /** The tool as its microapp calls it; no part of what tells buckets apart. */
  readonly ownName?: string | undefined;
}

/** How full a bucket was at one time. */
export interface BucketState {
  /** Tokens that were taken and had not come back by `atMs`. */
  readonly used: number;
  readonly atMs: number;
  /** Tokens that come back each second. */
  readonly rps: number;
}

/** A row as it was read. */
export interface KeptBucket {
  readonly key: BucketKey;
  readonly state: BucketState;
}

/** Reads and writes the buckets of one kind. */
export interface BucketRows {
  find(key: BucketKey): Promise<BucketState | undefined>;
  rowsForKept(key: BucketKey, state: BucketState): Write[];
  /** Replaces a state, unless it is not what was read any more. */
  rowsForReplaced(kept: KeptBucket, state: BucketState): Write[];
  /** Some buckets of all tenants, in the order of their keys, those after a key. */
  listForOperator(after: BucketKey | undefined, limit: number): Promise<KeptBucket[]>;
}

const PLACE = "account_id = ? AND agent_id = ? AND binding_id = ? AND kind = ? AND name = ?";

/** Returns the rows of a kind over `store`. */
export function createBucketRows(
  store: Pick<Store, "readEach" | "readMany">,
  kind: "tool" | "sender" | "dispatch",
): BucketRows {
  const argsOf = ({ account, agentId, bindingId, name }: BucketKey): Value[] => [
    account,
    agentId,
    bindingId,
    kind,
    name,
  ];
  return {
    async find(key) {
      const [row] = await store.readEach<BucketRow>(
        `WITH given (call, account_id, agent_id, binding_id, kind, name) AS (VALUES $rows)
         SELECT given.call, b.used, b.at_ms, b.rps FROM given JOIN limit_buckets b
           USING (account_id, agent_id, binding_id, kind, name)`,
        [argsOf(key)],
      );
      return row && stateOf(row);
    },
    rowsForKept(key, { used, atMs, rps }) {
      return [bulk(
        `INSERT INTO limit_buckets
           (account_id, agent_id, binding_id, kind, name, own_name, used, at_ms, rps)
         VALUES $rows
         ON CONFLICT DO UPDATE SET
           own_name = excluded.own_name, used = excluded.used, at_ms = excluded.at_ms, rps = excluded.rps`,
        [[...argsOf(key), key.ownName ?? "", used, atMs, rps]],
        "any",
      )];
    },
    rowsForReplaced({ key, state: old }, { used, atMs, rps }) {
      return [statement(
        `UPDATE limit_buckets SET used = ?, at_ms = ?, rps = ?
         WHERE ${PLACE} AND used = ? AND at_ms = ? AND rps = ?`,
        [used, atMs, rps, ...argsOf(key), old.used, old.atMs, old.rps],
      )];
    },
    async listForOperator(after, limit) {
      const { account = "", agentId = "", bindingId = "", name = "" } = after ?? {};
      const rows = await store.readMany<BucketRow>(
        `SELECT account_id, agent_id, binding_id, name, own_name, used, at_ms, rps
         FROM limit_buckets
         WHERE kind = ? AND (account_id, agent_id, binding_id, name) > (?, ?, ?, ?)
         ORDER BY account_id, agent_id, binding_id, name LIMIT ?`,
        [kind, account, agentId, bindingId, name, limit],
      );
      return rows.map((row) => ({ key: keyOf(row), state: stateOf(row) }));
    },
  };
}

/** Reads and deletes rows that nobody needs any more, of every kind and tenant. */
export interface BucketUpkeep {
  agentsForOperator(): Promise<string[]>;
  rowsForForgottenAgent(agentId: string): Write[];
  /** Deletes some of the buckets that are as good as new; resolves with their number. */
  deleteIdle(store: Pick<Store, "commit">, nowMs: number, limit: number): Promise<number>;
}

/** A clock that was set back gives nothing back twice. */
const IDLE = "used <= max(0, ? - at_ms) * rps / 1000.0";

/** Returns the upkeep over `store`. */
export function createBucketUpkeep(store: Pick<Store, "readMany">): BucketUpkeep {
  return {
    async agentsForOperator() {
      const rows = await store.readMany<Row & { agent_id: string }>(
        "SELECT DISTINCT agent_id FROM limit_buckets",
      );
      return rows.map(({ agent_id }) => agent_id);
    },
    rowsForForgottenAgent: (agentId) => [
      statement("DELETE FROM limit_buckets WHERE agent_id = ?", [agentId]),
    ],
    async deleteIdle({ commit }, nowMs, limit) {
      const rows = await store.readMany<BucketRow & { kind: string }>(
        `SELECT account_id, agent_id, binding_id, kind, name FROM limit_buckets
         WHERE ${IDLE} LIMIT ?`,
        [nowMs, limit],
      );
      if (rows.length === 0) return 0;
      // Asked again in the commit: one of them may have been used meanwhile.
      await commit(
        rows.map(({ account_id, agent_id, binding_id, kind, name }) =>
          statement(`DELETE FROM limit_buckets WHERE ${PLACE} AND ${IDLE}`, [
            account_id,
            agent_id,
            binding_id,
            kind,
            name,
            nowMs,
          ])
        ),
      );
      return rows.length;
    },
  };
}

interface BucketRow extends Row {
  account_id: string;
  agent_id: string;
  binding_id: string;
  name: string;
  own_name: string;
  used: number;
  at_ms: number;
  rps: number;
}

function keyOf({ account_id, agent_id, binding_id, name, own_name }: BucketRow): BucketKey {
  const ownName = own_name === "" ? undefined : own_name;
  return { account: account_id, agentId: agent_id, bindingId: binding_id, name, ownName };
}

function stateOf({ used, at_ms, rps }: BucketRow): BucketState {
  return { used, atMs: at_ms, rps };
}

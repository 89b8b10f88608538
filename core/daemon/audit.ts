/**
 * The audit as operators see it: tails, verification on a thread of its own, and what an export holds.
 *
 * @module
 */
import type { OperatorAuditDeps } from "../admin/operator_audit.ts";
import type { Clock } from "../contract/mod.ts";
import { tailAudit } from "../record/admin_audit.ts";
import {
  chainedAccounts,
  type ChainedTable,
  type ChainQuery,
  CHAINS,
  readChain,
  readChainHead,
} from "../record/chain.ts";
import { verifyChainsAside } from "../record/verify_thread.ts";
import type { Store } from "../store/store.ts";
import type { AuditKey } from "../vault/audit_key.ts";
import type { SignedHeads } from "./signed_heads.ts";

const TABLES: readonly ChainedTable[] = ["turns", "admin_audit"];

/** Returns what the audit methods stand on; `url` is the database's, for the verifying thread. */
export function createAuditReads({ url, store, heads, key, now }: {
  url: string;
  store: Pick<Store, "read" | "readMany">;
  heads: SignedHeads;
  key: AuditKey;
  now: Clock;
}): OperatorAuditDeps {
  /** Rows read so far, by verifications under way. */
  const underWay = new Map<symbol, number>();

  async function chainsOf(account: string | undefined) {
    const chains: { account: string; table: ChainedTable; stream: string }[] = [];
    for (const table of TABLES) {
      const accounts = account === undefined ? await chainedAccounts(store, table) : [account];
      for (const each of accounts) {
        chains.push({ account: each, table, stream: CHAINS[table].stream(each) });
      }
    }
    return chains;
  }

  return {
    tail: (query) => tailAudit(store, { ...query, forOperator: true }),
    async verify(account) {
      const chains = await Promise.all(
        (await chainsOf(account)).map(async (chain) => ({
          ...chain,
          known: await heads.find(chain.stream),
        })),
      );
      const queries = chains.map(({ account: of, table, known }): ChainQuery => ({
        account: of,
        table,
        signedHead: known.head,
        checkpoint: known.checkpoint,
      }));
      const run = Symbol("verification");
      underWay.set(run, 0);
      try {
        const reports = await verifyChainsAside(url, queries, (rows) => underWay.set(run, rows));
        return chains.map(({ account: of, table, known }, i) => {
          const report = reports[i];
          const problems = [
            ...known.problems.map((problem) => ({ offset: 0, problem })),
            ...report?.problems ?? [],
          ];
          const ok = problems.length === 0;
          return { account: of, table, ok, rows: report?.rows ?? 0, problems };
        });
      } finally {
        underWay.delete(run);
      }
    },
    progress: () => ({
      running: underWay.size,
      rows: [...underWay.values()].reduce((sum, rows) => sum + rows, 0),
    }),
    async chains(account) {
      const chains = await Promise.all(
        (await chainsOf(account)).map(async ({ account: of, table, stream }) => {
          const head = await readChainHead(store, stream);
          const { checkpoint } = await heads.find(stream);
          const { hashed, erasable } = CHAINS[table];
          return {
            account: of,
            table,
            stream,
            hashed,
            erasable,
            checkpoint: checkpoint ?? null,
            head: heads.sign({ stream, ...head, atMs: now() }),
          };
        }),
      );
      return { key_id: key.id, public_key: key.publicKey, made_at_ms: now(), chains };
    },
    rows: ({ table, account, after, upTo, limit }) =>
      readChain(store, { table, account, after, upTo, limit }),
  };
}

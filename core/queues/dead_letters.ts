/**
 * What was accepted and could not be finished.
 *
 * @module
 */
import type { DeadLetterView } from "../contract/views/deliveries.ts";
import type { Row, Store, Write } from "../store/store.ts";
import { insert, statement } from "../store/store.ts";

/** A dead letter, as operators see it. */
export interface DeadLetter extends DeadLetterView, Row {}

/** Rows of the table `dead_letters`. */
export interface DeadLetters {
  rowsForDead(letter: Omit<DeadLetter, "replayed_at_ms">): Write[];
  /** Fails with `conflict` when it was replayed already. */
  rowsForReplayed(id: string, nowMs: number): Write[];
  /** Forgets those that were given up before a time, of one tenant or of all. */
  rowsForPurged(filter: { account?: string | undefined; beforeMs: number }): Write[];
  /** How many {@linkcode rowsForPurged} would forget. */
  countForPurge(filter: { account?: string | undefined; beforeMs: number }): Promise<number>;
  findForOperator(id: string): Promise<DeadLetter | undefined>;
  listForOperator(
    filter: { account?: string | undefined; limit: number; before?: string | undefined },
  ): Promise<DeadLetter[]>;
}

const columns = "id, account_id, kind, ref_id, source, code, detail, at_ms, replayed_at_ms";

/** Returns the dead letters over `store`. */
export function createDeadLetters({ store }: { store: Store }): DeadLetters {
  return {
    rowsForDead: (letter) => [insert("dead_letters", { ...letter, replayed_at_ms: null })],
    rowsForReplayed: (id, nowMs) => [statement(
      "UPDATE dead_letters SET replayed_at_ms = ? WHERE id = ? AND replayed_at_ms IS NULL",
      [nowMs, id],
      1,
    )],
    rowsForPurged: ({ account, beforeMs }) => [statement(
      "DELETE FROM dead_letters WHERE at_ms < ?1 AND (?2 IS NULL OR account_id = ?2)",
      [beforeMs, account ?? null],
    )],
    async countForPurge({ account, beforeMs }) {
      const [row] = await store.readMany<{ count: number }>(
        `SELECT COUNT(*) AS count FROM dead_letters
         WHERE at_ms < ?1 AND (?2 IS NULL OR account_id = ?2)`,
        [beforeMs, account ?? null],
      );
      return row?.count ?? 0;
    },
    async findForOperator(id) {
      const [row] = await store.read<DeadLetter>(
        `SELECT ${columns} FROM dead_letters WHERE id = ?`,
        [id],
      );
      return row;
    },
    async listForOperator({ account, limit, before }) {
      return store.readMany<DeadLetter>(
        `SELECT ${columns} FROM dead_letters
         WHERE (?1 IS NULL OR account_id = ?1) AND (?2 IS NULL OR id < ?2)
         ORDER BY id DESC LIMIT ?3`,
        [account ?? null, before ?? null, limit],
      );
    },
  };
}

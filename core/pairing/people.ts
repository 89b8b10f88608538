/**
 * Rows of the table `paired_people`: whom a line knows.
 *
 * @module
 */
import { insert, type Row, statement, type Store, type Write } from "../store/store.ts";
import type { TenantLine } from "./challenges.ts";

/** Somebody a line knows. */
export interface KnownPerson extends Row {
  channel: string;
  instance: string;
  sender_id: string;
  paired_at_ms: number;
}

/** The people of all tenants. The account is in every key: a revocation reaches nobody else's people. */
export interface People {
  /** Somebody known already stays as they are. */
  rowsForPaired(line: TenantLine, senderId: string, via: string, nowMs: number): Write[];
  /** The unit fails with `conflict` when nobody is so called. */
  rowsForRevoked(line: TenantLine, senderId: string): Write[];
  knows(line: TenantLine, senderId: string): Promise<boolean>;
  list(
    account: string,
    filter: { channel?: string | undefined; instance?: string | undefined; limit: number },
  ): Promise<KnownPerson[]>;
}

/** Returns the people over `store`. */
export function createPeople({ store }: { store: Store }): People {
  return {
    rowsForPaired: ({ account_id, channel, instance }, senderId, via, nowMs) => [insert(
      "paired_people",
      { account_id, channel, instance, sender_id: senderId, paired_at_ms: nowMs, via },
      "ignore",
    )],
    rowsForRevoked: ({ account_id, channel, instance }, senderId) => [statement(
      `DELETE FROM paired_people
       WHERE account_id = ? AND channel = ? AND instance = ? AND sender_id = ?`,
      [account_id, channel, instance, senderId],
      1,
    )],
    async knows({ account_id, channel, instance }, senderId) {
      const rows = await store.read(
        `SELECT 1 AS known FROM paired_people
         WHERE account_id = ? AND channel = ? AND instance = ? AND sender_id = ?`,
        [account_id, channel, instance, senderId],
      );
      return rows.length > 0;
    },
    list: (account, { channel, instance, limit }) =>
      store.readMany<KnownPerson>(
        `SELECT channel, instance, sender_id, paired_at_ms FROM paired_people
         WHERE account_id = ?1 AND (?2 IS NULL OR channel = ?2) AND (?3 IS NULL OR instance = ?3)
         ORDER BY channel, instance, sender_id LIMIT ?4`,
        [account, channel ?? null, instance ?? null, limit],
      ),
  };
}

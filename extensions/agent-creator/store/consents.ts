/**
 * Who may be written to, with everything that was ever said about it.
 *
 * @module
 */
import type { Database } from "./database.ts";

/** Somebody on a channel. */
export interface Contact {
  readonly channel: string;
  readonly contact: string;
}

/** What is known of somebody. */
export type ConsentStatus = "opted_in" | "opted_out" | "unknown";

/** One tenant's consents, over its `opt_outs.sqlite`. */
export interface Consents {
  readonly statusOf: (who: Contact) => Promise<ConsentStatus>;
  /** `source` says how it became known: `message`, `operator`, … */
  readonly record: (
    who: Contact,
    status: Exclude<ConsentStatus, "unknown">,
    source: string,
  ) => Promise<void>;
  readonly listOptedOut: () => Promise<(Contact & { at_ms: number })[]>;
  /**
   * Erases one person on every channel, or everybody; resolves with how many rows are gone. That one
   * person opted out is kept, so that nobody writes to them again.
   */
  readonly erase: (contact: string | null) => Promise<number>;
}

/** Returns the consents. */
export function createConsents(db: Database, now: () => number): Consents {
  return {
    async statusOf({ channel, contact }) {
      const [row] = await db.all<{ status: ConsentStatus }>(
        "SELECT status FROM consents WHERE channel = ? AND contact = ?",
        [channel, contact],
      );
      return row?.status ?? "unknown";
    },
    record: ({ channel, contact }, status, source) =>
      db.batch([
        {
          sql: `INSERT INTO consents (channel, contact, status, at_ms) VALUES (?, ?, ?, ?)
            ON CONFLICT (channel, contact) DO UPDATE SET status = excluded.status, at_ms = excluded.at_ms`,
          args: [channel, contact, status, now()],
        },
        {
          sql:
            "INSERT INTO consent_history (channel, contact, status, source, at_ms) VALUES (?, ?, ?, ?, ?)",
          args: [channel, contact, status, source, now()],
        },
      ]),
    listOptedOut: () =>
      db.all(
        `SELECT channel, contact, at_ms FROM consents WHERE status = 'opted_out'
         ORDER BY at_ms DESC LIMIT 1000`,
      ),
    erase: (contact) =>
      db.erase([
        { sql: "DELETE FROM consent_history WHERE ?1 IS NULL OR contact = ?1", args: [contact] },
        {
          sql: `DELETE FROM consents
            WHERE ?1 IS NULL OR (contact = ?1 AND status <> 'opted_out')`,
          args: [contact],
        },
      ]),
  };
}

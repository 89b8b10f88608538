/**
 * One tenant's contacts, and where each stands in its campaigns.
 *
 * @module
 */
import type { Contact } from "./consents.ts";
import type { Database } from "./database.ts";

/** How far a lead has come. */
export const LEAD_STAGES = ["new", "contacted", "qualified", "won", "lost"] as const;
/** See {@linkcode LEAD_STAGES}. */
export type LeadStage = (typeof LEAD_STAGES)[number];

/** One contact. */
export interface Lead extends Contact {
  readonly name: string | null;
  readonly note: string | null;
  readonly stage: LeadStage;
  readonly created_at_ms: number;
  readonly last_heard_ms: number | null;
}

/** A step of a campaign that somebody is to get. */
export interface DueStep extends Contact {
  readonly campaign_id: string;
  readonly next_step: number;
}

/** One tenant's leads, over its `leads.sqlite`. */
export interface Leads {
  readonly list: (filter: { stage?: LeadStage | undefined; limit: number }) => Promise<Lead[]>;
  /** Adds a lead or changes what is given; an empty name or note is none. */
  readonly upsert: (
    lead: Contact & { name?: string | null; note?: string | null; stage?: LeadStage },
  ) => Promise<void>;
  readonly remove: (who: Contact) => Promise<boolean>;
  /**
   * Somebody wrote: they are a lead from now on, and every campaign stops for them. What they call
   * themselves is their name until there is one.
   */
  readonly heard: (
    who: Contact & { name?: string | null },
    reason: "reply" | "opt_out",
  ) => Promise<void>;
  /** The names of those who have one, by {@linkcode contactKey}. */
  readonly namesOf: (people: readonly Contact[]) => Promise<ReadonlyMap<string, string>>;
  /** Puts somebody at the start of a campaign, once. */
  readonly enrol: (campaignId: string, who: Contact, dueAtMs: number) => Promise<boolean>;
  readonly due: (nowMs: number, limit: number) => Promise<DueStep[]>;
  readonly isDue: (step: DueStep, nowMs: number) => Promise<boolean>;
  /** Marks a step as had; false when somebody else was faster or it was stopped meanwhile. */
  readonly advance: (step: DueStep, next: { dueAtMs: number } | "done") => Promise<boolean>;
  readonly stop: (campaignId: string, who: Contact, reason: string) => Promise<void>;
  readonly progress: (campaignId: string) => Promise<{ state: string; count: number }[]>;
  /** Erases one person on every channel, or everybody; resolves with how many rows are gone. */
  readonly erase: (contact: string | null) => Promise<number>;
}

/** Characters of a name that are kept. */
const MAX_NAME = 200;

/** One text for one contact. */
export function contactKey({ channel, contact }: Contact): string {
  return JSON.stringify([channel, contact]);
}

/** Returns the leads. */
export function createLeads(db: Database, now: () => number): Leads {
  return {
    list: ({ stage, limit }) =>
      db.all<Lead>(
        `SELECT contact, channel, name, note, stage, created_at_ms, last_heard_ms FROM leads
         WHERE (?1 IS NULL OR stage = ?1)
         ORDER BY coalesce(last_heard_ms, created_at_ms) DESC LIMIT ?2`,
        [stage ?? null, limit],
      ),
    async upsert({ channel, contact, name, note, stage }) {
      await db.run(
        `INSERT INTO leads (channel, contact, name, note, stage, created_at_ms)
         VALUES (?1, ?2, nullif(?3, ''), nullif(?4, ''), coalesce(?5, 'new'), ?6)
         ON CONFLICT (channel, contact) DO UPDATE SET
           name = nullif(coalesce(?3, name), ''), note = nullif(coalesce(?4, note), ''),
           stage = coalesce(?5, stage)`,
        [channel, contact, name ?? null, note ?? null, stage ?? null, now()],
      );
    },
    remove: async ({ channel, contact }) =>
      await db.run("DELETE FROM leads WHERE channel = ? AND contact = ?", [channel, contact]) > 0,
    heard: ({ channel, contact, name = null }, reason) =>
      db.batch([
        {
          sql: `INSERT INTO leads (channel, contact, name, stage, created_at_ms, last_heard_ms)
            VALUES (?1, ?2, ?4, 'new', ?3, ?3)
            ON CONFLICT (channel, contact) DO UPDATE SET
              last_heard_ms = ?3, name = coalesce(name, ?4)`,
          args: [channel, contact, now(), name?.slice(0, MAX_NAME) ?? null],
        },
        {
          sql: `UPDATE drip_steps SET state = 'stopped', reason = ?
            WHERE channel = ? AND contact = ? AND state = 'waiting'`,
          args: [reason, channel, contact],
        },
      ]),
    async namesOf(people) {
      const rows = await db.all<Contact & { name: string }>(
        `SELECT channel, contact, name FROM leads
         WHERE name IS NOT NULL AND (channel, contact) IN
           (SELECT value ->> 0, value ->> 1 FROM json_each(?))`,
        [JSON.stringify(people.map(({ channel, contact }) => [channel, contact]))],
      );
      return new Map(rows.map((row) => [contactKey(row), row.name]));
    },
    enrol: async (campaignId, { channel, contact }, dueAtMs) =>
      await db.run(
        `INSERT INTO drip_steps (campaign_id, channel, contact, next_step, due_at_ms, state)
         VALUES (?, ?, ?, 0, ?, 'waiting') ON CONFLICT DO NOTHING`,
        [campaignId, channel, contact, dueAtMs],
      ) > 0,
    due: (nowMs, limit) =>
      db.all<DueStep>(
        `SELECT campaign_id, channel, contact, next_step FROM drip_steps
         WHERE state = 'waiting' AND due_at_ms <= ? ORDER BY due_at_ms LIMIT ?`,
        [nowMs, limit],
      ),
    isDue: async ({ campaign_id, channel, contact, next_step }, nowMs) =>
      (await db.all(
        `SELECT 1 AS due FROM drip_steps WHERE campaign_id = ? AND channel = ? AND contact = ?
           AND next_step = ? AND state = 'waiting' AND due_at_ms <= ?`,
        [campaign_id, channel, contact, next_step, nowMs],
      )).length > 0,
    advance: async ({ campaign_id, channel, contact, next_step }, next) =>
      await db.run(
        `UPDATE drip_steps SET next_step = next_step + 1, state = ?, due_at_ms = ?
         WHERE campaign_id = ? AND channel = ? AND contact = ? AND next_step = ? AND state = 'waiting'`,
        [
          next === "done" ? "done" : "waiting",
          next === "done" ? now() : next.dueAtMs,
          campaign_id,
          channel,
          contact,
          next_step,
        ],
      ) > 0,
    async stop(campaignId, { channel, contact }, reason) {
      await db.run(
        `UPDATE drip_steps SET state = 'stopped', reason = ?
         WHERE campaign_id = ? AND channel = ? AND contact = ? AND state = 'waiting'`,
        [reason, campaignId, channel, contact],
      );
    },
    progress: (campaignId) =>
      db.all(
        "SELECT state, count(*) AS count FROM drip_steps WHERE campaign_id = ? GROUP BY state",
        [campaignId],
      ),
    erase: (contact) =>
      db.erase(["leads", "drip_steps"].map((table) => ({
        sql: `DELETE FROM ${table} WHERE ?1 IS NULL OR contact = ?1`,
        args: [contact],
      }))),
  };
}

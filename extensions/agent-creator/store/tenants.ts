/**
 * The customers of this product, and how far the onboarding of each has come.
 *
 * @module
 */
import type { Database } from "./database.ts";

/** The steps of onboarding, in order; `done` when the first message was said. */
export const ONBOARDING_STEPS = ["tenant", "agent", "credential", "pairing", "done"] as const;
/** See {@linkcode ONBOARDING_STEPS}. */
export type OnboardingStep = (typeof ONBOARDING_STEPS)[number];

/** One customer. */
export interface Customer {
  readonly account_id: string;
  readonly display_name: string;
  readonly plan: string;
  readonly step: OnboardingStep;
  readonly agent_id: string | null;
  readonly channel: string | null;
  readonly challenge_id: string | null;
  readonly created_at_ms: number;
}

/** The table `tenants`. */
export interface Customers {
  readonly listForOwner: () => Promise<Customer[]>;
  readonly find: (account: string) => Promise<Customer | undefined>;
  /** Keeps one that is there. */
  readonly create: (
    customer: { account_id: string; display_name: string; plan: string },
  ) => Promise<void>;
  /** Moves onboarding on, never back, with what the step found out. */
  readonly advance: (
    account: string,
    step: OnboardingStep,
    found: Partial<Pick<Customer, "agent_id" | "channel" | "challenge_id">>,
  ) => Promise<void>;
  /** Remembers whose a pairing is. */
  readonly keepChallenge: (account: string, challengeId: string) => Promise<void>;
  readonly ownsChallenge: (account: string, challengeId: string) => Promise<boolean>;
}

const COLUMNS =
  "account_id, display_name, plan, step, agent_id, channel, challenge_id, created_at_ms";

/** Returns the customers. */
export function createCustomers(db: Database, now: () => number): Customers {
  return {
    listForOwner: () => db.all<Customer>(`SELECT ${COLUMNS} FROM tenants ORDER BY account_id`),
    find: async (account) =>
      (await db.all<Customer>(`SELECT ${COLUMNS} FROM tenants WHERE account_id = ?`, [account]))[0],
    async create({ account_id, display_name, plan }) {
      await db.run(
        `INSERT INTO tenants (account_id, display_name, plan, step, created_at_ms)
         VALUES (?, ?, ?, 'tenant', ?) ON CONFLICT DO NOTHING`,
        [account_id, display_name, plan, now()],
      );
    },
    async advance(account, step, { agent_id, channel, challenge_id }) {
      await db.run(
        `UPDATE tenants SET step = CASE WHEN instr(?2, ?1) > instr(?2, step) THEN ?1 ELSE step END,
           agent_id = coalesce(?3, agent_id), channel = coalesce(?4, channel),
           challenge_id = coalesce(?5, challenge_id)
         WHERE account_id = ?6`,
        [
          step,
          ONBOARDING_STEPS.join(" "),
          agent_id ?? null,
          channel ?? null,
          challenge_id ?? null,
          account,
        ],
      );
    },
    async keepChallenge(account, challengeId) {
      await db.run(
        `INSERT INTO challenges (challenge_id, account_id, created_at_ms) VALUES (?, ?, ?)
         ON CONFLICT DO NOTHING`,
        [challengeId, account, now()],
      );
    },
    ownsChallenge: async (account, challengeId) =>
      (await db.all("SELECT 1 FROM challenges WHERE challenge_id = ? AND account_id = ?", [
        challengeId,
        account,
      ])).length > 0,
  };
}

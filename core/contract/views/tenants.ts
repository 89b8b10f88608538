/**
 * Tenants as operators are shown them: what they use, and what is left of their budgets.
 *
 * @module
 */

/** A budget of a tenant, or of one of its agents, and how much of it is used. */
export interface BudgetView {
  /** As in `tenants.yaml`. */
  readonly name: string;
  /** Null for the whole tenant. */
  readonly agent_id: string | null;
  /** Tokens or US dollars, as the name says. */
  readonly used: number;
  readonly limit: number;
  readonly resets_at_ms: number;
}

/** A tenant with what it used in this UTC day and month. */
export interface TenantOverview {
  readonly account_id: string;
  readonly display_name: string;
  readonly active: boolean;
  /** Agents that answer for it; those without a tenant answer for all and are not named. */
  readonly agents: readonly string[];
  readonly tokens_today: number;
  readonly tokens_month: number;
  readonly cost_micros_month: number;
  readonly budgets: readonly BudgetView[];
}

/** Sums of usage; the keys that were not grouped by are null. */
export interface UsageView {
  readonly account_id: string;
  /** `2026-01-31` */
  readonly day: string | null;
  readonly agent_id: string | null;
  readonly provider: string | null;
  readonly model: string | null;
  /** Requests to providers, tries that failed included. */
  readonly calls: number;
  readonly failed_calls: number;
  /** Calls that ended without a count, and the most they can have taken. */
  readonly unknown_calls: number;
  readonly tokens_in: number;
  readonly tokens_out: number;
  readonly tokens_cached: number;
  readonly cost_micros: number;
  readonly unknown_tokens: number;
  readonly unknown_micros: number;
}

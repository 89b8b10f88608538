/**
 * What the console shows at a glance: tenants with their budgets, lines of channels, the config in force.
 *
 * @module
 */
import { z } from "zod";
import { type AdminMethod, operatorMethod } from "./method.ts";

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

/** A line of a channel: who answers on it, and whether it can hear and send. */
export interface LineView {
  readonly channel: string;
  readonly instance: string;
  /** Null when nothing says whose it is. */
  readonly account_id: string | null;
  readonly agents: readonly string[];
  readonly state: "ready" | "failing" | "unanswered" | "off";
  /** Why it is not ready, or what it tries again though it counts as ready. */
  readonly reason: string | null;
  /** Where its provider sends to; null when it does not over HTTP. */
  readonly webhook_path: string | null;
  /** What was registered for it; null when its secrets are in files, or it needs none. */
  readonly credential: {
    readonly account_id: string;
    /** Null for an operator. */
    readonly registered_by: string | null;
    readonly registered_at_ms: number;
  } | null;
  /** Messages on their way out, those of them that failed before, and since when the oldest waits. */
  readonly waiting: number;
  readonly retrying: number;
  readonly oldest_waiting_ms: number | null;
  /** Newest of each among recent events; null when there is none. */
  readonly last_turn_ms: number | null;
  readonly last_sent_ms: number | null;
  readonly last_failed_ms: number | null;
}

/** One thing wrong with the config, as `nexo check` tells it. */
export interface ConfigProblemView {
  readonly severity: "error" | "warning";
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly fix: string;
}

/** The config in force. */
export interface ConfigOverview {
  readonly version: number;
  readonly dir: string;
  /** Of the files in force. */
  readonly problems: readonly ConfigProblemView[];
  /** Why newer files were refused; null when the files in force are the newest. */
  readonly refused: readonly ConfigProblemView[] | null;
  readonly reloads: { readonly applied: number; readonly rejected: number };
}

/** What stands behind the methods. */
export interface OperatorOverviewDeps {
  /** Tenants in the order of their ids. */
  readonly tenants: (
    page: { text: string | undefined; after: string | undefined; limit: number },
  ) => Promise<readonly TenantOverview[]>;
  readonly lines: () => Promise<readonly LineView[]>;
  readonly configOverview: () => ConfigOverview;
}

/** Returns the methods. */
export function operatorOverviewMethods(deps: OperatorOverviewDeps): AdminMethod[] {
  return [
    operatorMethod(
      "tenants/overview",
      z.object({
        text: z.string().max(128).nullish(),
        after: z.string().nullish(),
        limit: z.int().positive().max(200).default(50),
      }),
      async ({ text, after, limit }) => ({
        tenants: await deps.tenants({ text: text ?? undefined, after: after ?? undefined, limit }),
      }),
      { unaudited: true },
    ),
    operatorMethod("channels/health", z.object({}), async () => ({ lines: await deps.lines() }), {
      unaudited: true,
    }),
    operatorMethod("config/overview", z.object({}), () => Promise.resolve(deps.configOverview()), {
      unaudited: true,
    }),
  ];
}

/**
 * Tenants with their budgets, and the config in force, as the console shows them.
 *
 * @module
 */
import type { OperatorOverviewDeps } from "../admin/operator_overview.ts";
import type { Clock } from "../contract/mod.ts";
import type { ConfigOverview, ConfigProblemView } from "../contract/views/config.ts";
import type { BudgetView, TenantOverview } from "../contract/views/tenants.ts";
import { createBook, firstDay, windowEndMs } from "../models/budget/book.ts";
import { amount, type Line, linesOf } from "../models/budget/lines.ts";
import { type SpentRow } from "../models/budget/usage.ts";
import type { Problem } from "../settings/problems.ts";
import type { Tenant } from "../settings/settings.ts";
import type { Store } from "../store/store.ts";
import type { LiveSettings } from "./config.ts";

/** What {@linkcode createOverviews} looks at. */
export interface OverviewDeps {
  readonly store: Pick<Store, "readMany">;
  readonly config: Pick<LiveSettings, "current" | "problems" | "refusal" | "reloads">;
  readonly now: Clock;
}

type AccountSpent = SpentRow & { readonly account_id: string };

/** Returns the readers. */
export function createOverviews(
  { store, config, now }: OverviewDeps,
): Pick<OperatorOverviewDeps, "tenants" | "configOverview"> {
  return {
    async tenants({ text = "", after, limit }) {
      const { tenants, agents } = config.current();
      const wanted = text.trim().toLowerCase();
      const page = [...tenants.values()]
        .filter(({ id, display_name: name }) =>
          id.includes(wanted) || name.toLowerCase().includes(wanted)
        )
        .sort((a, b) => a.id < b.id ? -1 : 1)
        .filter(({ id }) => after === undefined || id > after)
        .slice(0, limit);
      const nowMs = now();
      const spent = await readMonth(store, page, nowMs);
      return page.map((tenant) => ({
        ...tenantOverview(tenant, spent.get(tenant.id) ?? [], nowMs),
        agents: [...agents.values()].filter(({ tenant_id }) => tenant_id === tenant.id)
          .map(({ id }) => id),
      }));
    },
    configOverview(): ConfigOverview {
      const { version, configDir } = config.current();
      const refused = config.refusal()?.problems;
      return {
        version,
        dir: configDir,
        problems: config.problems().map(shown),
        refused: refused === undefined ? null : refused.map(shown),
        reloads: config.reloads(),
      };
    },
  };
}

/** What each of these tenants spent in the month of now, by day and agent. */
async function readMonth(
  store: OverviewDeps["store"],
  tenants: readonly Tenant[],
  nowMs: number,
): Promise<Map<string, AccountSpent[]>> {
  const rows = await store.readMany<AccountSpent>(
    `SELECT account_id, day, agent_id, SUM(tokens_in + tokens_out + unknown_tokens) AS tokens,
       SUM(cost_micros + unknown_micros) AS micros
     FROM usage WHERE account_id IN (${tenants.map(() => "?").join()}) AND day >= ?
     GROUP BY account_id, day, agent_id`,
    [...tenants.map(({ id }) => id), firstDay("month", nowMs)],
  );
  const byTenant = new Map(tenants.map(({ id }): [string, AccountSpent[]] => [id, []]));
  for (const row of rows) byTenant.get(row.account_id)?.push(row);
  return byTenant;
}

function tenantOverview(
  tenant: Tenant,
  spent: readonly SpentRow[],
  nowMs: number,
): Omit<TenantOverview, "agents"> {
  const book = createBook(spent, nowMs);
  const { budgets } = tenant;
  const lines = budgets === undefined ? [] : [
    ...linesOf({ ...budgets, agents: {} }, "", book),
    ...Object.keys(budgets.agents).flatMap((agent) =>
      linesOf(budgets, agent, book).filter(({ agentId }) => agentId === agent)
    ),
  ];
  return {
    account_id: tenant.id,
    display_name: tenant.display_name,
    active: tenant.active,
    tokens_today: book.meter(null, "day", "tokens").used,
    tokens_month: book.meter(null, "month", "tokens").used,
    cost_micros_month: book.meter(null, "month", "micros").used,
    budgets: lines.map((line) => budgetView(line, nowMs)),
  };
}

function budgetView(
  { name, agentId, unit, limit, period, meter }: Line,
  nowMs: number,
): BudgetView {
  return {
    name,
    agent_id: agentId,
    used: amount(unit, meter.used),
    limit: amount(unit, limit),
    resets_at_ms: windowEndMs(period, nowMs),
  };
}

function shown({ severity, file, line, column, message, fix }: Problem): ConfigProblemView {
  return { severity, file, line, column, message, fix };
}

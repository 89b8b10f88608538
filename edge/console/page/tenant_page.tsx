/**
 * One tenant: usage over time, budgets, models, and the ways to everything else about it.
 *
 * @module
 */
import type {
  BudgetView,
  TenantOverview,
  UsageView,
} from "../../../core/contract/views/tenants.ts";
import { DayBars, Fill } from "./chart.tsx";
import { showDate, showMoney, showNumber, showPart } from "./format.ts";
import { useQuery } from "./query.ts";
import { pathTo } from "./router.ts";
import { useServices } from "./services.ts";
import { type Column, Table } from "./table.tsx";
import { TEXTS } from "./texts/mod.ts";
import { Badge, Empty, Facts, Failure, Link, Loading, PageHead } from "./ui.tsx";

const T = TEXTS.tenants;
const DAYS = 30;
const DAY_MS = 86_400_000;

interface Known {
  readonly tenant: TenantOverview | undefined;
  readonly byDay: readonly UsageView[];
  readonly byModel: readonly UsageView[];
}

/** The page of a tenant. */
export function TenantPage({ account }: { account: string }) {
  const { api } = useServices();
  const { data, error, refresh } = useQuery<Known>({
    key: `tenant ${account}`,
    changedBy: ["turn_finished", "budget_threshold", "config_applied"],
    async ask(signal) {
      const since_ms = Date.now() - (DAYS - 1) * DAY_MS;
      const usage = async (by: "day" | "model") =>
        (await api.call<{ usage: UsageView[] }>("usage/list", { account, since_ms, by }, signal))
          .usage;
      const [{ tenants }, byDay, byModel] = await Promise.all([
        api.call<{ tenants: TenantOverview[] }>("tenants/overview", { text: account }, signal),
        usage("day"),
        usage("model"),
      ]);
      return { tenant: tenants.find((one) => one.account_id === account), byDay, byModel };
    },
  });
  return (
    <>
      <PageHead title={data?.tenant?.display_name ?? account}>
        <Link to={pathTo("tenants")} class="button">{T.back}</Link>
      </PageHead>
      {error === undefined ? null : <Failure error={error} onRetry={refresh} />}
      {data === undefined
        ? error === undefined ? <Loading /> : null
        : data.tenant === undefined
        ? <Empty title={T.unknown(account)} />
        : <Story known={data} tenant={data.tenant} />}
    </>
  );
}

function Story({ known, tenant }: { known: Known; tenant: TenantOverview }) {
  const { account_id: account, budgets } = tenant;
  const limitOf = (budget: string): number | undefined =>
    budgets.find(({ name, agent_id }) => name === budget && agent_id === null)?.limit;
  const costs = daysOf(known.byDay, ({ cost_micros }) => [cost_micros / 1e6]);
  const usd = limitOf("usd_per_day");
  const hasCosts = usd !== undefined || costs.some(({ parts }) => parts.some((part) => part > 0));
  const of = `tenant=${encodeURIComponent(account)}`;
  return (
    <>
      <Facts
        items={[
          [T.tenant, account],
          [T.state, <Badge state={tenant.active ? "active" : "suspended"} />],
          [T.agents, tenant.agents.length === 0 ? T.sharedAgents : tenant.agents.join(", ")],
          [T.today, showNumber(tenant.tokens_today)],
          [T.month, showNumber(tenant.tokens_month)],
          [T.cost, showMoney(tenant.cost_micros_month)],
        ]}
      />
      <nav class="ways" aria-label={T.more}>
        <Link class="button" to={`${pathTo("live")}?${of}`}>{TEXTS.pages.live}</Link>
        <Link class="button" to={`${pathTo("turns")}?${of}`}>{TEXTS.pages.turns}</Link>
        <Link class="button" to={`${pathTo("deliveries")}?${of}`}>{TEXTS.pages.deliveries}</Link>
        <Link class="button" to={`${pathTo("events")}?${of}`}>{TEXTS.pages.events}</Link>
        <Link class="button" to={`${pathTo("audit")}?${of}`}>{TEXTS.pages.audit}</Link>
      </nav>
      <section class="panel stretch">
        <h2>{T.usage}</h2>
        <div class="charts">
          <DayBars
            label={T.tokensPerDay}
            names={[T.tokensIn, T.tokensOut]}
            days={daysOf(known.byDay, ({ tokens_in, tokens_out }) => [tokens_in, tokens_out])}
            limit={limitOf("tokens_per_day")}
          />
          {!hasCosts ? null : (
            <DayBars
              label={T.costPerDay}
              names={[T.modelCost]}
              days={costs}
              limit={usd}
              show={showDollars}
              showTick={showDollars}
            />
          )}
        </div>
      </section>
      <section class="panel stretch">
        <h2>{T.budgetsTitle}</h2>
        {budgets.length === 0 ? <p class="muted">{T.noBudgets}</p> : (
          <ul class="budgets">
            {budgets.map((budget) => (
              <li key={`${budget.name} ${budget.agent_id ?? ""}`}>
                <Budget budget={budget} />
              </li>
            ))}
          </ul>
        )}
      </section>
      {known.byModel.length === 0 ? null : (
        <section>
          <h2>{T.models}</h2>
          <Table<UsageView>
            label={T.models}
            columns={modelColumns}
            rows={known.byModel}
            idOf={(row) => `${row.provider ?? ""} ${row.model ?? ""}`}
          />
        </section>
      )}
    </>
  );
}

const modelColumns: readonly Column<UsageView>[] = [
  { title: T.model, show: (row) => `${row.provider ?? ""} / ${row.model ?? ""}` },
  { title: T.calls, show: (row) => showNumber(row.calls), isNumber: true },
  { title: T.failedCalls, show: (row) => showNumber(row.failed_calls), isNumber: true },
  { title: T.tokensIn, show: (row) => showNumber(row.tokens_in), isNumber: true },
  { title: T.tokensOut, show: (row) => showNumber(row.tokens_out), isNumber: true },
  { title: T.modelCost, show: (row) => showMoney(row.cost_micros), isNumber: true },
];

function Budget({ budget }: { budget: BudgetView }) {
  const { name, agent_id: agent, used, limit, resets_at_ms: resets } = budget;
  const isMoney = name.startsWith("usd");
  const show = isMoney ? showDollars : showNumber;
  const title = T.budgets[name] ?? name;
  const text = T.usedOf(show(used), show(limit));
  return (
    <>
      <p class="what">
        {title} {agent === null ? null : <span class="kind">{agent}</span>}
        <span class="meta">{showPart(limit === 0 ? 1 : used / limit)}</span>
      </p>
      <Fill used={used} limit={limit} label={`${title}: ${text}`} />
      <p class="meta">{text} · {T.resets(showDate(resets))}</p>
    </>
  );
}

/** The last days without a gap, those without usage included. */
function daysOf(rows: readonly UsageView[], partsOf: (row: UsageView) => readonly number[]) {
  const byDay = new Map(rows.map((row) => [row.day, row]));
  return Array.from({ length: DAYS }, (_, i) => {
    const day = new Date(Date.now() - (DAYS - 1 - i) * DAY_MS).toISOString().slice(0, 10);
    const row = byDay.get(day);
    return { day, parts: row === undefined ? [] : partsOf(row) };
  });
}

function showDollars(dollars: number): string {
  return showMoney(dollars * 1e6);
}

/**
 * The tenants: who they are, what they use, how full their budgets are.
 *
 * @module
 */
import type { BudgetView, TenantOverview } from "../../../core/contract/views/tenants.ts";
import { Fill } from "./chart.tsx";
import { Filters, TextFilter } from "./filters.tsx";
import { showNumber, showPart } from "./format.ts";
import { pathTo } from "./router.ts";
import { useServices } from "./services.ts";
import { useStore } from "./store.ts";
import { type Column, PagedTable } from "./table.tsx";
import { TEXTS } from "./texts/mod.ts";
import { Badge, Command, Empty, Link, PageHead } from "./ui.tsx";

const PAGE_ROWS = 50;
const T = TEXTS.tenants;

const columns: readonly Column<TenantOverview>[] = [
  {
    title: T.tenant,
    show: (row) => (
      <Link to={pathTo("tenants", row.account_id)} data-row>
        {row.account_id}{" "}
        {row.display_name === row.account_id ? "" : <span class="kind">{row.display_name}</span>}
      </Link>
    ),
  },
  { title: T.state, show: (row) => <Badge state={row.active ? "active" : "suspended"} /> },
  { title: T.today, show: (row) => showNumber(row.tokens_today), isNumber: true },
  { title: T.month, show: (row) => showNumber(row.tokens_month), isNumber: true },
  { title: T.budget, show: (row) => <Fullest budgets={row.budgets} /> },
];

/** The tenants page. */
export function TenantsPage() {
  const { api, router } = useServices();
  const { q = "" } = useStore(router.route).query;
  return (
    <>
      <PageHead title={TEXTS.pages.tenants} intro={T.intro} />
      <Filters>
        <TextFilter name="q" label={T.find} isFirst />
      </Filters>
      <PagedTable<TenantOverview, string>
        label={TEXTS.pages.tenants}
        columns={columns}
        listKey={`tenants ${q}`}
        idOf={(row) => row.account_id}
        changedBy={["turn_finished", "budget_threshold", "config_applied"]}
        load={async (after, signal) => {
          const { tenants } = await api.call<{ tenants: TenantOverview[] }>("tenants/overview", {
            text: q || null,
            after: after ?? null,
            limit: PAGE_ROWS,
          }, signal);
          return {
            rows: tenants,
            next: tenants.length === PAGE_ROWS ? tenants.at(-1)?.account_id : undefined,
          };
        }}
        more={TEXTS.further}
        empty={q !== "" ? <Empty title={T.noneFit} /> : (
          <Empty title={T.emptyTitle}>
            <p>{T.empty}</p>
            <Command text={T.emptyCommand} />
          </Empty>
        )}
      />
    </>
  );
}

/** The budget that has least left. */
function Fullest({ budgets }: { budgets: readonly BudgetView[] }) {
  const part = ({ used, limit }: BudgetView): number => limit === 0 ? 1 : used / limit;
  const [fullest] = budgets.toSorted((a, b) => part(b) - part(a));
  if (fullest === undefined) return <span class="muted">{T.noBudget}</span>;
  const text = T.used(showPart(part(fullest)), T.budgets[fullest.name] ?? fullest.name);
  return (
    <span class="filled">
      <Fill used={fullest.used} limit={fullest.limit} label={text} />
      <span class="meta">{text}</span>
    </span>
  );
}

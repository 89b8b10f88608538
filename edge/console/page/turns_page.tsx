/**
 * The finished turns.
 *
 * @module
 */
import type { TurnView } from "../../../core/contract/views/turns.ts";
import { ChoiceFilter, Filters, TextFilter } from "./filters.tsx";
import { showDuration, showNumber } from "./format.ts";
import { pathTo } from "./router.ts";
import { useServices } from "./services.ts";
import { useStore } from "./store.ts";
import { type Column, PagedTable } from "./table.tsx";
import { TEXTS } from "./texts/mod.ts";
import { Badge, Command, Empty, Link, PageHead, Time } from "./ui.tsx";

const PAGE_ROWS = 50;
const OUTCOMES = ["ok", "error", "refused"];
const T = TEXTS.turns;

const columns: readonly Column<TurnView>[] = [
  {
    title: T.agent,
    show: (row) => (
      <Link to={pathTo("turns", row.turn_id)} data-row>
        {row.agent_id} <span class="kind">{row.binding_id}</span>
      </Link>
    ),
  },
  { title: T.finished, show: (row) => <Time atMs={row.finished_at_ms} /> },
  { title: T.tenant, show: (row) => row.account_id },
  { title: T.trigger, show: (row) => row.trigger },
  { title: T.outcome, show: (row) => <Badge state={row.outcome} /> },
  { title: T.tools, show: (row) => row.tool_calls, isNumber: true },
  { title: T.tokens, show: (row) => showNumber(row.tokens_in + row.tokens_out), isNumber: true },
  { title: T.duration, show: (row) => showDuration(row.duration_ms), isNumber: true },
];

/** The turns page. */
export function TurnsPage() {
  const { api, router } = useServices();
  const { tenant = "", agent = "", outcome = "" } = useStore(router.route).query;
  const isFiltered = tenant !== "" || agent !== "" || outcome !== "";
  return (
    <>
      <PageHead title={TEXTS.pages.turns} intro={T.intro} />
      <Filters>
        <TextFilter name="agent" label={TEXTS.filters.agent} isFirst />
        <TextFilter name="tenant" label={TEXTS.filters.tenant} />
        <ChoiceFilter
          name="outcome"
          label={TEXTS.filters.outcome}
          values={OUTCOMES}
          words={TEXTS.states}
        />
      </Filters>
      <PagedTable<TurnView, number>
        label={TEXTS.pages.turns}
        columns={columns}
        listKey={`turns ${tenant} ${agent} ${outcome}`}
        idOf={(row) => row.turn_id}
        changedBy={["turn_finished"]}
        load={async (cursor, signal) => {
          const page = await api.call<{ turns: TurnView[]; cursor?: number }>("turns/tail", {
            account: tenant || null,
            agent: agent || null,
            outcome: OUTCOMES.includes(outcome) ? outcome : null,
            cursor: cursor ?? null,
            limit: PAGE_ROWS,
          }, signal);
          return { rows: page.turns, next: page.cursor };
        }}
        empty={isFiltered ? <Empty title={T.noneFit} /> : (
          <Empty title={T.emptyTitle}>
            <p>{T.empty}</p>
            <Command text={TEXTS.live.emptyChatCommand} />
          </Empty>
        )}
      />
    </>
  );
}

/**
 * What came in: accepted, given up, refused.
 *
 * @module
 */
import type { DeadLetterView, DeliveryView } from "../../../core/contract/views/deliveries.ts";
import type { RefusedWebhook } from "../../webhooks/receive.ts";
import { ConfirmButton } from "./dialog.tsx";
import { ChoiceFilter, Filters, TextFilter } from "./filters.tsx";
import { pathTo } from "./router.ts";
import { useServices } from "./services.ts";
import { useStore } from "./store.ts";
import { type Column, PagedTable } from "./table.tsx";
import { TEXTS } from "./texts/mod.ts";
import { Badge, Command, Empty, Id, Link, PageHead, Time } from "./ui.tsx";

const PAGE_ROWS = 50;
const STATES = ["queued", "done", "unmatched", "dead"];
const T = TEXTS.deliveries;

const VIEWS = ["accepted", "dead", "refused"] as const;
type View = typeof VIEWS[number];

/** The deliveries page. */
export function DeliveriesPage() {
  const { router } = useServices();
  const { query } = useStore(router.route);
  const view = VIEWS.find((one) => one === query["view"]) ?? "accepted";
  return (
    <>
      <PageHead title={TEXTS.pages.deliveries} intro={T.intro} />
      <ViewTabs view={view} />
      {view === "accepted" ? <Accepted /> : view === "dead" ? <Dead /> : <Refused />}
    </>
  );
}

function ViewTabs({ view }: { view: View }) {
  return (
    <nav class="tabs" aria-label={T.views}>
      {VIEWS.map((one) => (
        <Link
          key={one}
          to={pathTo("deliveries") + (one === "accepted" ? "" : `?view=${one}`)}
          aria-current={one === view ? "page" : undefined}
        >
          {T[one]}
        </Link>
      ))}
    </nav>
  );
}

const deliveryColumns: readonly Column<DeliveryView>[] = [
  {
    title: T.source,
    show: (row) => (
      <Link to={pathTo("deliveries", row.envelope_id)} data-row>
        {row.source_id} <span class="kind">{row.event_kind}</span>
      </Link>
    ),
  },
  { title: T.received, show: (row) => <Time atMs={row.received_at_ms} /> },
  { title: T.tenant, show: (row) => row.account_id },
  { title: T.state, show: (row) => <Badge state={row.state} /> },
  { title: T.verified, show: (row) => T.verifiedBy(row.verified_by) },
  { title: T.attempts, show: (row) => row.attempts, isNumber: true },
  {
    title: T.delivery,
    show: (row) => row.delivery_id === null ? "–" : <Id id={row.delivery_id} />,
  },
];

function Accepted() {
  const { api, router } = useServices();
  const { query } = useStore(router.route);
  const { tenant = "", source = "", state = "" } = query;
  const isFiltered = tenant !== "" || source !== "" || state !== "";
  return (
    <>
      <Filters>
        <TextFilter name="source" label={TEXTS.filters.source} isFirst />
        <TextFilter name="tenant" label={TEXTS.filters.tenant} />
        <ChoiceFilter
          name="state"
          label={TEXTS.filters.state}
          values={STATES}
          words={TEXTS.states}
        />
      </Filters>
      <PagedTable<DeliveryView, string>
        label={TEXTS.pages.deliveries}
        columns={deliveryColumns}
        listKey={`deliveries ${tenant} ${source} ${state}`}
        idOf={(row) => row.envelope_id}
        changedBy={["webhook_accepted", "turn_started", "turn_finished"]}
        load={async (before, signal) => {
          const { deliveries } = await api.call<{ deliveries: DeliveryView[] }>("inbox/list", {
            account: tenant || null,
            source: source || null,
            state: STATES.includes(state) ? state : null,
            before: before ?? null,
            limit: PAGE_ROWS,
          }, signal);
          const last = deliveries.length === PAGE_ROWS ? deliveries.at(-1) : undefined;
          return { rows: deliveries, next: last?.envelope_id };
        }}
        empty={isFiltered ? <Empty title={T.noneFit} /> : (
          <Empty title={T.emptyTitle}>
            <p>{T.empty}</p>
            <Command text={TEXTS.live.emptyCommand} />
          </Empty>
        )}
      />
    </>
  );
}

function deadColumns(replay: (id: string) => Promise<void>): readonly Column<DeadLetterView>[] {
  return [
    {
      title: T.source,
      show: (row) =>
        row.kind === "inbox"
          ? <Link to={pathTo("deliveries", row.ref_id)} data-row>{row.source}</Link>
          : row.source,
    },
    { title: T.at, show: (row) => <Time atMs={row.at_ms} /> },
    { title: T.kind, show: (row) => T.kindOf[row.kind] ?? row.kind },
    { title: T.tenant, show: (row) => row.account_id },
    { title: T.code, show: (row) => <code>{row.code}</code> },
    { title: T.detail, show: (row) => <span class="wrap">{row.detail}</span> },
    {
      title: T.replayed,
      show: (row) =>
        row.replayed_at_ms !== null ? <Time atMs={row.replayed_at_ms} /> : (
          <ConfirmButton
            label={TEXTS.delivery.replayDead}
            title={TEXTS.delivery.replayDeadTitle}
            text={TEXTS.delivery.replayDeadText}
            busy={TEXTS.delivery.replaying}
            act={() => replay(row.id)}
          />
        ),
    },
  ];
}

function Dead() {
  const { api, router } = useServices();
  const { tenant = "" } = useStore(router.route).query;
  const columns = deadColumns(async (id) => {
    await api.call("dlq/replay", { id });
  });
  return (
    <>
      <Filters>
        <TextFilter name="tenant" label={TEXTS.filters.tenant} isFirst />
      </Filters>
      <PagedTable<DeadLetterView, string>
        label={T.dead}
        columns={columns}
        listKey={`dead ${tenant}`}
        idOf={(row) => row.id}
        changedBy={["webhook_accepted", "turn_started", "turn_finished"]}
        load={async (before, signal) => {
          const { dead_letters: rows } = await api.call<{ dead_letters: DeadLetterView[] }>(
            "dlq/list",
            { account: tenant || null, before: before ?? null, limit: PAGE_ROWS },
            signal,
          );
          return { rows, next: rows.length === PAGE_ROWS ? rows.at(-1)?.id : undefined };
        }}
        empty={
          <Empty title={T.deadEmptyTitle}>
            <p>{T.deadEmpty}</p>
          </Empty>
        }
      />
    </>
  );
}

const refusalColumns: readonly Column<RefusedWebhook>[] = [
  { title: T.source, show: (row) => row.source_id },
  { title: T.at, show: (row) => <Time atMs={row.at_ms} /> },
  {
    title: T.answered,
    show: (row) => <Badge state="refused" label={`${row.status} ${row.code}`} />,
  },
  { title: T.reason, show: (row) => <code>{row.reason}</code> },
  { title: T.client, show: (row) => row.client_ip ?? "–" },
  { title: T.request, show: (row) => <Id id={row.request_id} /> },
];

function Refused() {
  const { api } = useServices();
  return (
    <>
      <p class="muted">{T.refusedNote}</p>
      <PagedTable<RefusedWebhook, never>
        label={T.refused}
        columns={refusalColumns}
        listKey="refused"
        idOf={(row) => row.request_id}
        changedBy={["webhook_accepted"]}
        load={async (_, signal) => {
          const { refusals } = await api.request<{ refusals: RefusedWebhook[] }>(
            "GET",
            "refusals",
            undefined,
            signal,
          );
          return { rows: refusals, next: undefined };
        }}
        empty={
          <Empty title={T.refusedEmptyTitle}>
            <p>{T.refusedEmpty}</p>
            <Command text={T.refusedCommand(location.origin)} />
          </Empty>
        }
      />
    </>
  );
}

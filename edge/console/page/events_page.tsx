/**
 * The event log: everything that was told, as it was told.
 *
 * @module
 */
import type { AgentEvent, AgentEventKind } from "../../../core/contract/mod.ts";
import { ChoiceFilter, Filters, TextFilter } from "./filters.tsx";
import { useServices } from "./services.ts";
import { useStore } from "./store.ts";
import { type Column, PagedTable } from "./table.tsx";
import { TEXTS } from "./texts/mod.ts";
import { Command, Empty, Json, PageHead, Time } from "./ui.tsx";

const PAGE_ROWS = 100;
const T = TEXTS.events;
const KINDS = Object.keys(T.kinds) as AgentEventKind[];

interface EventRow {
  readonly offset: number;
  readonly event: AgentEvent;
}

interface EventAnswer {
  readonly events: readonly AgentEvent[];
  readonly offsets: readonly number[];
  readonly older: number | null;
}

const columns: readonly Column<EventRow>[] = [
  {
    title: T.event,
    show: ({ event, offset }) => (
      <details class="event">
        <summary data-row>
          {T.kinds[event.kind] ?? event.kind} <span class="kind">{gistOf(event)}</span>
        </summary>
        <Json value={event} label={T.whole(offset)} />
      </details>
    ),
  },
  { title: T.at, show: ({ event }) => <Time atMs={timeOf(event)} /> },
  { title: T.tenant, show: ({ event }) => textIn(event, "tenant_id") ?? "–" },
  { title: T.agent, show: ({ event }) => textIn(event, "agent_id") ?? "–" },
  { title: T.offset, show: ({ offset }) => offset, isNumber: true },
];

/** The events page. */
export function EventsPage() {
  const { api, router } = useServices();
  const { tenant = "", kind = "" } = useStore(router.route).query;
  const isFiltered = tenant !== "" || kind !== "";
  return (
    <>
      <PageHead title={TEXTS.pages.events} intro={T.intro} />
      <Filters>
        <TextFilter name="tenant" label={TEXTS.filters.tenant} isFirst />
        <ChoiceFilter name="kind" label={T.kind} values={KINDS} words={T.kinds} />
      </Filters>
      <PagedTable<EventRow, number>
        label={TEXTS.pages.events}
        columns={columns}
        listKey={`events ${tenant} ${kind}`}
        idOf={({ offset }) => String(offset)}
        changedBy={kind === "" ? KINDS : KINDS.filter((one) => one === kind)}
        load={async (before, signal) => {
          const page = await api.call<EventAnswer>("events/list", {
            account: tenant || null,
            kind: kind || null,
            before: before ?? null,
            limit: PAGE_ROWS,
          }, signal);
          const rows = page.events.map((event, i) => ({ event, offset: page.offsets[i] ?? 0 }));
          return { rows: rows.reverse(), next: page.older ?? undefined };
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

function textIn(event: AgentEvent, field: string): string | undefined {
  const value = (event as Readonly<Record<string, unknown>>)[field];
  return typeof value === "string" ? value : undefined;
}

function timeOf(event: AgentEvent): number {
  if (event.kind === "transcript_appended") return event.sent_at_ms;
  if (event.kind === "escalation_requested") return event.requested_at_ms;
  if (event.kind === "escalation_resolved") return event.resolved_at_ms;
  return event.at_ms;
}

const GIST_FIELDS = [
  "role",
  "body",
  "summary",
  "tool",
  "event_kind",
  "source_id",
  "microapp_id",
  "binding_id",
  "channel",
  "budget",
  "outcome",
  "status",
  "state",
  "reason",
  "version",
] as const;
const GIST_CHARS = 90;

/** What tells an event from others of its kind, in a few words. */
function gistOf(event: AgentEvent): string {
  const fields = event as Readonly<Record<string, unknown>>;
  const words = GIST_FIELDS.flatMap((name) => {
    const value = fields[name];
    const word = typeof value === "string" || typeof value === "number" ? String(value) : "";
    return word === "" ? [] : word;
  });
  const text = words.slice(0, 3).join(" · ");
  return text.length <= GIST_CHARS ? text : `${text.slice(0, GIST_CHARS)}…`;
}

/**
 * What an edge counts and reads, as Prometheus text.
 *
 * A source that belongs to one tenant may be called like it, so it is named only where tenants are.
 *
 * @module
 */
import type { ExchangeClient } from "../core/bus/exchanges/client.ts";
import type { Bus } from "../core/bus/bus.ts";
import type { Clock, EdgeSource } from "../core/contract/mod.ts";
import { createMeter, type Meter, SECONDS } from "../core/flow/meter.ts";
import { countExchanges } from "./apps/metrics.ts";
import type { ChatTally } from "./chat/tally.ts";
import type { Tally } from "./firehose/tally.ts";

/** The numbers of one edge. */
export interface EdgeMetrics {
  readonly webhookAnswered: (source: EdgeSource, status: number) => void;
  /** Names tenants from now on, or no more. */
  readonly nameTenants: (isNaming: boolean) => void;
  /** The same bus, its hand-offs timed. */
  readonly timed: (bus: Pick<Bus, "publishDurable">) => Pick<Bus, "publishDurable">;
  /** The same exchanges, counted. */
  readonly counted: (exchanges: ExchangeClient) => ExchangeClient;
  readonly render: () => Promise<string>;
}

/** What is read at each scrape. */
export interface EdgeReadings {
  readonly bus: Pick<Bus, "status">;
  readonly webhooksInFlight: () => number;
  readonly sources: () => number;
  readonly firehose: { readonly clients: () => number; readonly tally: Readonly<Tally> };
  readonly chat: { readonly open: () => number; readonly tally: ChatTally };
  readonly now: Clock;
}

/** What a status says of a webhook; others are failures of ours. */
const RESULTS: Readonly<Record<number, string>> = {
  400: "incomplete",
  401: "unauthorized",
  405: "method_not_allowed",
  408: "timeout",
  413: "too_large",
  422: "unreadable",
  429: "rate_limited",
  503: "unavailable",
};

/** Declares the metrics. */
export function createEdgeMetrics(readings: EdgeReadings): EdgeMetrics {
  const { now } = readings;
  const meter = createMeter();
  let isNaming = false;
  const webhooks = meter.counter({
    name: "nexo_edge_webhooks_total",
    help: "Requests at sources' paths, by what they were answered",
    labels: ["source", "result"],
  });
  const handoffs = meter.counter({
    name: "nexo_edge_handoffs_total",
    help: "Verified webhooks handed to core: accepted, duplicate or refused",
    labels: ["result"],
  });
  const seconds = meter.histogram({
    name: "nexo_edge_handoff_seconds",
    help: "Time until a hand-off is on disk or refused",
    bounds: SECONDS,
  });
  readState(meter, readings);
  readFirehose(meter, readings.firehose);
  readChat(meter, readings.chat);
  return {
    webhookAnswered({ id, account_id }, status) {
      const name = account_id === null || isNaming ? id : "_tenant";
      webhooks.add(1, name, status < 300 ? "accepted" : RESULTS[status] ?? "failed");
    },
    nameTenants: (naming) => void (isNaming = naming),
    timed: (bus) => ({
      publishDurable(batch) {
        const startedAtMs = now();
        const observe = (): void => seconds.observe((now() - startedAtMs) / 1_000);
        return bus.publishDurable(batch).then((outcomes) => {
          for (const { kind } of outcomes) handoffs.add(1, kind);
          observe();
          return outcomes;
        }, (error: unknown) => {
          handoffs.add(batch.length, "refused");
          observe();
          throw error;
        });
      },
    }),
    counted: countExchanges({ meter, now }),
    render: meter.render,
  };
}

function readState(meter: Meter, { bus, webhooksInFlight, sources }: EdgeReadings): void {
  meter.reads(
    { name: "nexo_edge_webhooks_in_flight", help: "Webhooks under way", type: "gauge" },
    () => [[webhooksInFlight()]],
  );
  meter.reads(
    { name: "nexo_edge_sources", help: "Sources in force", type: "gauge" },
    () => [[sources()]],
  );
  meter.reads(
    {
      name: "nexo_edge_bus_up",
      help: "1 while the edge is connected to core's bus",
      type: "gauge",
    },
    () => [[bus.status() === "ready" ? 1 : 0]],
  );
}

function readChat(meter: Meter, { open, tally }: EdgeReadings["chat"]): void {
  meter.reads(
    {
      name: "nexo_edge_chat_clients",
      help: "Pages of the web chat connected",
      type: "gauge",
    },
    () => [[open()]],
  );
  meter.reads(
    {
      name: "nexo_edge_chat_messages_total",
      help: "Messages of visitors on WebSockets: accepted, or the code of their refusal",
      type: "counter",
      labels: ["result"],
    },
    () => [...tally.messages].map(([result, count]) => [count, result] as const),
  );
  meter.reads(
    {
      name: "nexo_edge_chat_refused_total",
      help: "Connections of web chats refused, by code; no_visitor had no cookie",
      type: "counter",
      labels: ["code"],
    },
    () => [...tally.refusals].map(([code, count]) => [count, code] as const),
  );
}

function readFirehose(meter: Meter, { clients, tally }: EdgeReadings["firehose"]): void {
  meter.reads(
    { name: "nexo_edge_firehose_clients", help: "Event clients connected", type: "gauge" },
    () => [[clients()]],
  );
  meter.reads(
    {
      name: "nexo_edge_firehose_events_total",
      help: "Events sent, once for each client",
      type: "counter",
    },
    () => [[tally.events]],
  );
  meter.reads(
    {
      name: "nexo_edge_firehose_gaps_total",
      help: "Gaps told, once for each client: events lost or trimmed before it saw them",
      type: "counter",
    },
    () => [[tally.gaps]],
  );
  const coded = (counts: ReadonlyMap<string, number>) =>
    [...counts].map(([code, count]) => [count, code] as const);
  meter.reads(
    {
      name: "nexo_edge_firehose_cut_total",
      help: "Clients cut, by code; client_slow did not read",
      type: "counter",
      labels: ["code"],
    },
    () => coded(tally.cuts),
  );
  meter.reads(
    {
      name: "nexo_edge_firehose_refused_total",
      help: "Clients refused, by code; firehose_full met a limit",
      type: "counter",
      labels: ["code"],
    },
    () => coded(tally.refusals),
  );
}

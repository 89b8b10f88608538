/**
 * What core reads at each scrape: states and depths that are there anyway, and its own process.
 *
 * @module
 */
import { collectDefaultMetrics, Registry } from "prom-client";
import type { Bus } from "../bus/bus.ts";
import { type Meter, type Reading } from "../flow/meter.ts";
import type { Host } from "../microapps/host.ts";
import type { Store } from "../store/store.ts";
import type { LiveSettings } from "./config.ts";

/** What is read. */
export interface ScrapeDeps {
  readonly meter: Meter;
  readonly store: Pick<Store, "readMany">;
  readonly bus: Pick<Bus, "status">;
  readonly host: Pick<Host, "status">;
  readonly config: Pick<LiveSettings, "current" | "reloads">;
  /** Messages that wait for a turn or are in one. */
  readonly waiting: () => number;
}

const STATES = ["spawning", "ready", "restarting", "failed", "stopped"] as const;

/** Declares what is read, and returns the text of everything. */
export function createScrape(deps: ScrapeDeps): () => Promise<string> {
  readQueues(deps);
  readTakeovers(deps);
  readMicroapps(deps);
  readConfig(deps);
  const { meter, bus } = deps;
  meter.reads(
    { name: "nexo_bus_up", help: "1 while core is connected to the broker", type: "gauge" },
    () => [[bus.status() === "ready" ? 1 : 0]],
  );
  // Event-loop delay, memory, CPU, garbage collection, file descriptors.
  const process = new Registry();
  collectDefaultMetrics({ register: process });
  return async () => `${await meter.render()}${await process.metrics()}`;
}

function readQueues({ meter, store, waiting }: ScrapeDeps): void {
  meter.reads(
    {
      name: "nexo_inbounds_waiting",
      help: "Messages that wait for a turn or are in one",
      type: "gauge",
    },
    () => [[waiting()]],
  );
  meter.reads(
    { name: "nexo_outbox_queued", help: "Messages not sent yet", type: "gauge" },
    async () => {
      const [row] = await store.readMany<{ count: number }>(
        "SELECT count(*) AS count FROM outbox WHERE state = 'queued'",
      );
      return [[row?.count ?? 0]];
    },
  );
  meter.reads(
    {
      name: "nexo_dead_letters",
      help: "What could not be finished and was not replayed, by where it ended",
      type: "gauge",
      labels: ["kind"],
    },
    async () => {
      const rows = await store.readMany<{ kind: string; count: number }>(
        "SELECT kind, count(*) AS count FROM dead_letters WHERE replayed_at_ms IS NULL GROUP BY kind",
      );
      const counts = new Map(rows.map(({ kind, count }) => [kind, count]));
      return ["inbox", "inbound", "outbox"].map((kind) => [counts.get(kind) ?? 0, kind] as const);
    },
  );
}

function readTakeovers({ meter, store }: ScrapeDeps): void {
  const counted: readonly [name: string, help: string, rows: string][] = [
    ["nexo_pauses", "Scopes a person has taken over", "processing"],
    ["nexo_pending_inbounds", "Messages that wait behind a pause", "pending_inbounds"],
    [
      "nexo_escalations_pending",
      "Requests for a person nobody has resolved",
      "escalations WHERE state = 'pending'",
    ],
  ];
  for (const [name, help, rows] of counted) {
    meter.reads({ name, help, type: "gauge" }, async () => {
      const [row] = await store.readMany<{ count: number }>(
        `SELECT count(*) AS count FROM ${rows}`,
      );
      return [[row?.count ?? 0]];
    });
  }
}

function readMicroapps({ meter, host }: ScrapeDeps): void {
  meter.reads(
    { name: "nexo_extensions_discovered", help: "Microapps found and enabled", type: "gauge" },
    () => [[host.status().length]],
  );
  meter.reads(
    {
      name: "nexo_microapp_state",
      help: "1 for the state a microapp is in",
      type: "gauge",
      labels: ["microapp", "state"],
    },
    () =>
      host.status().flatMap(({ id, state }) =>
        STATES.map((one): Reading<["microapp", "state"]> => [one === state ? 1 : 0, id, one])
      ),
  );
  meter.reads(
    {
      name: "nexo_microapp_restarts_total",
      help: "Starts of a microapp after the first",
      type: "counter",
      labels: ["microapp"],
    },
    () => host.status().map(({ id, restarts }) => [restarts, id] as const),
  );
}

function readConfig({ meter, config }: ScrapeDeps): void {
  meter.reads(
    { name: "runtime_config_version", help: "Version of the config in force", type: "gauge" },
    () => [[config.current().version]],
  );
  meter.reads(
    { name: "config_reload_applied_total", help: "Reloads put in force", type: "counter" },
    () => [[config.reloads().applied]],
  );
  meter.reads(
    { name: "config_reload_rejected_total", help: "Reloads refused", type: "counter" },
    () => [[config.reloads().rejected]],
  );
}

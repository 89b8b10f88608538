/**
 * What an edge counts of microapps' HTTP. No microapp is named: whoever asks may ask by any name.
 *
 * @module
 */
import type { ExchangeClient } from "../../core/bus/exchanges/client.ts";
import { EXCHANGE_SECONDS, watchExchange } from "../../core/bus/exchanges/watch.ts";
import { type Clock, codeOf } from "../../core/contract/mod.ts";
import type { Meter } from "../../core/flow/meter.ts";

/** Declares the metrics and returns the way to count. */
export function countExchanges(
  { meter, now }: { meter: Meter; now: Clock },
): (client: ExchangeClient) => ExchangeClient {
  const exchanges = meter.counter({
    name: "nexo_edge_apps_exchanges_total",
    help: "Requests and WebSockets below /apps that are over: ok, or the code they were refused " +
      "or broken off with",
    labels: ["kind", "result"],
  });
  const bytes = meter.counter({
    name: "nexo_edge_apps_bytes_total",
    help: "Bytes of bodies and messages: in from clients, out to them",
    labels: ["way"],
  });
  const seconds = meter.histogram({
    name: "nexo_edge_apps_seconds",
    help: "Time from an exchange's opening to its end",
    labels: ["kind"],
    bounds: EXCHANGE_SECONDS,
  });
  let size: () => number = () => 0;
  meter.reads(
    { name: "nexo_edge_apps_open", help: "Requests and WebSockets below /apps", type: "gauge" },
    () => [[size()]],
  );
  return (client) => {
    size = client.size;
    return {
      size: client.size,
      async open(id, request) {
        const { kind } = request;
        const startedAtMs = now();
        const end = await client.open(id, request).catch((error: unknown) => {
          exchanges.add(1, kind, codeOf(error));
          throw error;
        });
        return watchExchange(end, {
          // What leaves this end came in from a client.
          onBytes: (way, count) => bytes.add(count, way === "out" ? "in" : "out"),
          onOver(code) {
            exchanges.add(1, kind, code ?? "ok");
            seconds.observe((now() - startedAtMs) / 1_000, kind);
          },
        });
      },
    };
  };
}

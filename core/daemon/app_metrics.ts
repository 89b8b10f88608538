/**
 * What core counts of microapps' HTTP.
 *
 * @module
 */
import type { ServeExchangesDeps } from "../bus/exchanges/serve.ts";
import { EXCHANGE_SECONDS, watchExchange } from "../bus/exchanges/watch.ts";
import { type Clock, codeOf } from "../contract/mod.ts";
import type { Meter } from "../flow/meter.ts";

type Admit = ServeExchangesDeps["admit"];

/** Declares the metrics and returns the way to count; only microapps that are there are named. */
export function countApps(
  { meter, now }: { meter: Meter; now: Clock },
): (admit: Admit) => Admit {
  const exchanges = meter.counter({
    name: "nexo_apps_exchanges_total",
    help: "Requests and WebSockets for microapps' HTTP that are over: ok, or the code they were " +
      "refused or broken off with",
    labels: ["microapp", "kind", "result"],
  });
  const bytes = meter.counter({
    name: "nexo_apps_bytes_total",
    help: "Bytes of bodies and messages: in to the microapp, out of it",
    labels: ["microapp", "way"],
  });
  const seconds = meter.histogram({
    name: "nexo_apps_seconds",
    help: "Time from an exchange's opening to its end",
    labels: ["microapp", "kind"],
    bounds: EXCHANGE_SECONDS,
  });
  const open = new Map<string, number>();
  meter.reads(
    {
      name: "nexo_apps_open",
      help: "Requests and WebSockets for microapps' HTTP under way",
      type: "gauge",
      labels: ["microapp"],
    },
    () => [...open].map(([microapp, count]) => [count, microapp] as const),
  );
  const add = (microapp: string, by: 1 | -1): void =>
    void open.set(microapp, (open.get(microapp) ?? 0) + by);

  return (admit) =>
    async function admitCounted(microapp, request) {
      const { kind } = request;
      const run = await admit(microapp, request).catch((error: unknown) => {
        const result = codeOf(error);
        // Whoever asks for what is not there may ask by any name.
        exchanges.add(1, result === "not_found" ? "" : microapp, kind, result);
        throw error;
      });
      return async function runCounted(end) {
        const startedAtMs = now();
        let result = "ok";
        add(microapp, 1);
        try {
          await run(watchExchange(end, {
            onBytes: (way, count) => bytes.add(count, microapp, way),
            onOver: (code) => void (result = code ?? "ok"),
          }));
        } catch (error) {
          result = codeOf(error);
          throw error;
        } finally {
          add(microapp, -1);
          exchanges.add(1, microapp, kind, result);
          seconds.observe((now() - startedAtMs) / 1_000, microapp, kind);
        }
      };
    };
}

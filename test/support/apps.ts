/**
 * A microapp with an HTTP server behind an edge, all in this process but the microapp.
 *
 * @module
 */
import type { Bus } from "../../core/bus/bus.ts";
import { openExchangeClient } from "../../core/bus/exchanges/client.ts";
import type { LineLimits } from "../../core/bus/exchanges/line.ts";
import { serveExchanges } from "../../core/bus/exchanges/serve.ts";
import { openLocalBus } from "../../core/bus/local.ts";
import { CodedError } from "../../core/contract/mod.ts";
import { countApps } from "../../core/daemon/app_metrics.ts";
import { createMeter } from "../../core/flow/meter.ts";
import type { ExchangeTimes } from "../../core/microapps/http/answer_http.ts";
import { type AppAccess, openAppDesk } from "../../core/microapps/http/desk.ts";
import { WATCH_TIMES } from "../../core/microapps/http/watch.ts";
import { startNodeEdge } from "../../edge/node.ts";
import { freePort } from "./free_port.ts";
import { childCandidate, openTestHost, type TestHost } from "./microapps/host.ts";
import { configOf, memoryLog } from "../unit/edge/support.ts";

/** The TOML of a microapp that serves HTTP. */
export function httpServerToml(port: number, more = ""): string {
  return `[capabilities.http_server]\nport = ${port}\ntoken_env = "WEB_TOKEN"\n${more}`;
}

/** Everything between a client and the microapp. */
export interface AppsFixture extends AsyncDisposable {
  readonly url: string;
  readonly host: TestHost;
  readonly bus: Bus;
  readonly log: ReturnType<typeof memoryLog>;
  /** May be changed. */
  readonly access: { -readonly [K in keyof AppAccess]: AppAccess[K] };
  /** Exchanges open at the edge and at core. */
  readonly open: () => { edge: number; core: number };
  /** What core has counted, as Prometheus text. */
  readonly coreMetrics: () => Promise<string>;
}

/** Settings of {@linkcode openApps}. */
export interface AppsFixtureOptions {
  readonly key?: Uint8Array | undefined;
  readonly bus?: Bus | undefined;
  readonly times?: ExchangeTimes | undefined;
  readonly limits?: Partial<LineLimits> | undefined;
  readonly maxExchanges?: number | undefined;
}

/** The key of microapps' proofs here. */
export const HOP_KEY = "a key of one microapp";

/** Opens it; resolves when the microapp's server is ready. */
export async function openApps(options: AppsFixtureOptions = {}): Promise<AppsFixture> {
  const { key, bus = openLocalBus(), times, limits, maxExchanges } = options;
  const port = await freePort();
  const candidate = childCandidate("web", "serves_http.mjs", {
    args: [String(port)],
    extra: httpServerToml(port),
  });
  const host = await openTestHost([candidate], { watch: { ...WATCH_TIMES, everyMs: 50 } });
  await serverReady(host, "web");
  const log = memoryLog();
  const deps = {
    bus,
    key,
    now: Date.now,
    random: (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes),
    log,
    limits,
  };
  const access: AppsFixture["access"] = { access: "public", maxExchanges: 1_024, account: null };
  const desk = openAppDesk({
    server: (id) => host.host.server(id),
    access: () => access,
    callerOf(token) {
      const [, subject = "", account = ""] = /^good-(\w+)-(\w*)$/.exec(token) ?? [];
      if (subject === "") return Promise.reject(new CodedError("token_invalid", "Cannot: no"));
      return Promise.resolve({ subject, scope: ["tenant"], account: account || null });
    },
    hopKey: () => HOP_KEY,
    now: Date.now,
    times,
  });
  const meter = createMeter();
  const counted = countApps({ meter, now: Date.now })(desk.admit);
  const served = await serveExchanges({ ...deps, admit: counted });
  const exchanges = await openExchangeClient({ ...deps, maxExchanges });
  const edge = await startNodeEdge({
    bus,
    exchanges,
    config: configOf([]),
    port: 0,
    hostname: "127.0.0.1",
    log,
    version: "test",
    drainMs: 500,
  });
  return {
    url: edge.url,
    host,
    bus,
    log,
    access,
    coreMetrics: meter.render,
    open: () => ({ edge: exchanges.size(), core: served.size() }),
    async [Symbol.asyncDispose]() {
      await edge[Symbol.asyncDispose]();
      await exchanges[Symbol.asyncDispose]();
      await served[Symbol.asyncDispose]();
      desk[Symbol.dispose]();
      await host[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
    },
  };
}

/** Resolves when a microapp's server may be routed to. */
export function serverReady(
  { host, until }: Pick<TestHost, "host" | "until">,
  id: string,
): Promise<void> {
  return until(() => host.server(id)?.isReady === true);
}

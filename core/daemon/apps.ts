/**
 * Microapps' HTTP, for the edges of a bus.
 *
 * @module
 */
import { type ExchangeDeps } from "../bus/exchanges/client.ts";
import { serveExchanges } from "../bus/exchanges/serve.ts";
import type { Host } from "../microapps/host.ts";
import { openAppDesk } from "../microapps/http/desk.ts";
import type { Settings } from "../settings/settings.ts";
import type { CoreMetrics } from "./metrics.ts";
import type { TokenDesk } from "./tokens.ts";

/** What serving it needs. */
export interface AppsDeps extends ExchangeDeps {
  readonly host: Pick<Host, "server">;
  readonly settings: () => Settings;
  readonly tokens: Pick<TokenDesk, "callerForApps">;
  readonly hopKey: (microappId: string) => string;
  readonly metrics: Pick<CoreMetrics, "apps">;
}

/** What holds for a microapp whose operator says nothing. */
const UNSAID = { access: "public", max_exchanges: 1_024 } as const;

/** Answers edges until disposed. */
export async function openApps(deps: AppsDeps): Promise<AsyncDisposable> {
  const desk = openAppDesk({
    server: (id) => deps.host.server(id),
    access(id) {
      const entry = deps.settings().extensions.entries[id];
      const { access, max_exchanges: maxExchanges } = entry?.http ?? UNSAID;
      return { access, maxExchanges, account: entry?.tenant_id ?? null };
    },
    callerOf: deps.tokens.callerForApps,
    hopKey: deps.hopKey,
    now: deps.now,
  });
  const served = await serveExchanges({ ...deps, admit: deps.metrics.apps(desk.admit) });
  return {
    async [Symbol.asyncDispose]() {
      await served[Symbol.asyncDispose]();
      desk[Symbol.dispose]();
    },
  };
}

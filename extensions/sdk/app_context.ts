/**
 * Makes what a microapp may use, once core has shaken hands.
 *
 * @module
 */
import type { AdminClient } from "./admin.ts";
import type { AppContext } from "./context.ts";
import { createEventHub, type EventHub } from "./events.ts";
import type { Log } from "./log.ts";
import type { TokenHolder } from "./operator.ts";
import { createOutbound } from "./outbound.ts";
import { openTenantDir } from "./state_dir.ts";
import { createTakeover } from "./takeover.ts";

/** What an app context is made of. */
export interface AppContextDeps {
  readonly admin: AdminClient;
  readonly log: Log;
  readonly token: TokenHolder;
  readonly signal: AbortSignal;
  readonly on: AppContext["on"];
}

/** What core says of itself and this microapp. */
export interface AppSettings {
  readonly config: unknown;
  readonly handshake: AppContext["handshake"];
  readonly stateDir: string;
}

/** Makes contexts; all of them share one hub of events. */
export function createAppContexts(deps: AppContextDeps): {
  readonly hub: EventHub;
  readonly contextOf: (settings: AppSettings) => AppContext;
} {
  const { admin, log, token, signal, on } = deps;
  const hub = createEventHub({ request: (...call) => admin.request(...call), log, signal });
  return {
    hub,
    contextOf: ({ config, handshake, stateDir }) => ({
      ...createOutbound(admin),
      config,
      handshake,
      stateDir,
      openTenantDir: (accountId) => openTenantDir(stateDir, accountId),
      log,
      admin,
      events: hub.open,
      takeover: (conversation) => createTakeover(admin, conversation),
      operatorToken: token.current,
      on,
      signal,
    }),
  };
}

/**
 * What microapps are told without being asked: each only what its grants cover.
 *
 * A child that never expected a frame without an id may fall over one, so nobody without a grant is
 * sent any.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import {
  type AgentsUpdated,
  type Clock,
  type MicroappError,
  NOTICES,
  type PairingStatus,
  RPC_CODES,
  RpcFault,
} from "../contract/mod.ts";
import type { MicroappFault } from "../microapps/faults.ts";
import type { Host } from "../microapps/host.ts";
import type { Settings } from "../settings/settings.ts";
import { covers, grantedTenants, holdersOf } from "./microapp_grants.ts";

/** What telling microapps needs. */
export interface NoticeDeps {
  readonly settings: () => Settings;
  readonly host: Pick<Host, "notify">;
}

/** Tells every microapp that holds `capability` for `account`; null is what belongs to no tenant. */
export function tellHolders(
  { capability, account, method, params }: {
    readonly capability: string;
    readonly account: string | null;
    readonly method: string;
    readonly params: unknown;
  },
  { settings, host }: NoticeDeps,
): void {
  for (const id of holdersOf(settings(), capability, account)) host.notify(id, method, params);
}

/** Tells of a challenge that moved on; `account` is the tenant it pairs a person with. */
export function tellPairing(status: PairingStatus, account: string, deps: NoticeDeps): void {
  const method = NOTICES.pairing_status_changed;
  tellHolders({ capability: "pairing_initiate", account, method, params: status }, deps);
}

/** Says after each reload which microapps see other agents now, and tells those. */
export interface AgentNews {
  readonly changed: () => void;
}

/** Returns the news since now. */
export function createAgentNews({ settings, host }: NoticeDeps): AgentNews {
  let known = viewsOf(settings());
  return {
    changed() {
      const views = viewsOf(settings());
      const before = known;
      known = views;
      for (const [id, view] of views) {
        if (isDeepStrictEqual(view, before.get(id))) continue;
        host.notify(id, NOTICES.agents_updated, view);
      }
    },
  };
}

/** Holders of `agents_crud` see agents; others hear only of those that carry config for them. */
function viewsOf(settings: Settings): Map<string, AgentsUpdated> {
  const agents = [...settings.agents.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  const named = agents.flatMap(({ extensions_config }) => Object.keys(extensions_config));
  const views = new Map<string, AgentsUpdated>();
  for (const id of new Set([...Object.keys(settings.extensions.entries), ...named])) {
    const tenants = grantedTenants(settings, id, "agents_crud");
    const own = settings.extensions.entries[id]?.tenant_id;
    const configured = agents.filter(({ extensions_config, tenant_id }) =>
      Object.hasOwn(extensions_config, id) && (own ?? tenant_id) === tenant_id
    );
    if (tenants === undefined && configured.length === 0) continue;
    const visible = tenants === undefined
      ? configured
      : agents.filter(({ tenant_id }) => covers(tenants, tenant_id ?? null));
    views.set(id, {
      agent_ids: visible.map((agent) => agent.id),
      agents_config: Object.fromEntries(
        configured.map((agent) => [agent.id, agent.extensions_config[id]]),
      ),
    });
  }
  return views;
}

/** How many errors of one microapp are told in one window; the audit log has every denial. */
const ERRORS_PER_WINDOW = 10;
const WINDOW_MS = 60_000;
const MAX_TRACE_CHARS = 16 * 1024;

/** Errors of microapps, told to themselves once they run and to those who watch all of them. */
export interface MicroappErrors {
  readonly fault: (microappId: string, fault: MicroappFault) => void;
  /** Runs a request of a microapp and tells it when it was denied. */
  readonly watch: <T>(microappId: string, request: () => Promise<T>) => Promise<T>;
  /** Tells a microapp what it missed while it did not run. */
  readonly ready: (microappId: string) => void;
}

/** Returns the errors; nothing has gone wrong yet. */
export function createMicroappErrors(
  { settings, host, redact, now }: NoticeDeps & {
    readonly redact: (text: string) => string;
    readonly now: Clock;
  },
): MicroappErrors {
  const missed = new Map<string, MicroappError[]>();
  const windows = new Map<string, { readonly startedAtMs: number; told: number }>();

  function isWithinLimit(id: string): boolean {
    const known = windows.get(id);
    const window = known !== undefined && now() - known.startedAtMs < WINDOW_MS
      ? known
      : { startedAtMs: now(), told: 0 };
    windows.set(id, window);
    window.told += 1;
    return window.told <= ERRORS_PER_WINDOW;
  }

  function tell(id: string, error: MicroappError): void {
    if (!isWithinLimit(id)) return;
    const method = NOTICES.microapp_error;
    for (const watcher of holdersOf(settings(), "agent_events_subscribe_all", null)) {
      if (watcher !== id) host.notify(watcher, method, error);
    }
    const grants = settings().extensions.entries[id]?.capabilities_grant ?? [];
    if (grants.length === 0 || host.notify(id, method, error)) return;
    missed.set(id, [...missed.get(id) ?? [], error].slice(-ERRORS_PER_WINDOW));
  }

  const errorOf = (
    id: string,
    kind: MicroappError["kind"],
    summary: string,
    stderr: readonly string[] = [],
  ): MicroappError => ({
    microapp_id: id,
    kind,
    occurred_at: new Date(now()).toISOString(),
    summary: redact(summary),
    ...(stderr.length === 0
      ? {}
      : { stack_trace: redact(stderr.join("\n")).slice(-MAX_TRACE_CHARS) }),
  });

  return {
    fault: (id, { kind, summary, stderr }) => tell(id, errorOf(id, kind, summary, stderr)),
    async watch(id, request) {
      try {
        return await request();
      } catch (error) {
        if (error instanceof RpcFault && error.code === RPC_CODES.capability_not_granted) {
          tell(id, errorOf(id, "capability_denied", error.message));
        }
        throw error;
      }
    },
    ready(id) {
      const errors = missed.get(id) ?? [];
      missed.delete(id);
      for (const error of errors) host.notify(id, NOTICES.microapp_error, error);
    },
  };
}

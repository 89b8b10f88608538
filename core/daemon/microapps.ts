/**
 * The microapps of the settings in force: started, offered as tools, told of events.
 *
 * @module
 */
import type { Tool } from "../agents/tool_gate.ts";
import type { Dispatch } from "../admin/dispatcher.ts";
import type { Caller } from "../admin/method.ts";
import { type AgentEvent, type Clock, NEXO_EVENT_KINDS } from "../contract/mod.ts";
import type { EventLog } from "../events/event_log.ts";
import type { Log } from "../flow/log.ts";
import { createGuards } from "./guards.ts";
import { discoverMicroapps } from "../microapps/discovery.ts";
import { type Host, openHost } from "../microapps/host.ts";
import type { Settings } from "../settings/settings.ts";

/** The version microapps made for nexo test against; at least the newest of its 0.1 line. */
export const AGENT_VERSION = "0.1.99";

const NEXO_KINDS: ReadonlySet<string> = new Set(NEXO_EVENT_KINDS);

/** What running microapps needs. */
export interface MicroappsDeps {
  readonly settings: () => Settings;
  readonly homeDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The admin methods; asked for late, since they show the microapps themselves. */
  readonly dispatch: () => Dispatch;
  readonly onState: (event: AgentEvent & { kind: "microapp_state" }) => void;
  readonly now: Clock;
  readonly log: Log;
}

/** Starts the microapps. */
export async function openMicroapps(deps: MicroappsDeps): Promise<Host> {
  const { settings, log } = deps;
  return openHost({
    candidates: await findMicroapps(deps),
    homeDir: deps.homeDir,
    env: deps.env,
    agentVersion: AGENT_VERSION,
    now: deps.now,
    logFor: (microapp) => withField(log, { microapp }),
    onRequest: ({ microappId, method, params }) =>
      deps.dispatch()(callerOf(settings(), microappId), method, params),
    onState: (microappId, state, reason) =>
      deps.onState({
        kind: "microapp_state",
        microapp_id: microappId,
        state,
        ...(reason === undefined ? {} : { reason }),
        at_ms: deps.now(),
      }),
    agentsConfigFor: (microappId) =>
      Object.fromEntries(
        [...settings().agents.values()]
          .filter(({ extensions_config }) => Object.hasOwn(extensions_config, microappId))
          .map(({ id, extensions_config }) => [id, extensions_config[microappId]]),
      ),
    guards: createGuards(settings),
  });
}

/** What the search paths hold now; what is wrong with one is logged. */
export async function findMicroapps(
  { settings, env, log }: Pick<MicroappsDeps, "settings" | "env" | "log">,
) {
  const { extensions, configDir } = settings();
  const { candidates, diagnostics } = await discoverMicroapps({
    config: extensions,
    configDir,
    env,
    agentVersion: AGENT_VERSION,
  });
  for (const { level, code, path, message } of diagnostics) {
    log[level]("microapp.discovery", { code, path, message });
  }
  return candidates;
}

/** A microapp as the admin methods see it: its grants are looked up at each call. */
function callerOf(settings: Settings, id: string): Caller {
  return {
    kind: "microapp",
    id,
    grant: (capability) => grantedTenants(settings, id, capability),
  };
}

function grantedTenants(
  { extensions }: Settings,
  id: string,
  capability: string,
): "all" | readonly string[] | undefined {
  const grants = (extensions.entries[id]?.capabilities_grant ?? []).filter((grant) =>
    (typeof grant === "string" ? grant : grant.capability) === capability
  );
  if (grants.length === 0) return undefined;
  const pins = grants.map((grant) => typeof grant === "string" ? undefined : grant.tenants);
  return pins.some((tenants) => tenants === undefined)
    ? "all"
    : [...new Set(pins.flatMap((tenants) => tenants ?? []))];
}

/** Which events microapps are working on, so that what they publish meanwhile counts as their effect. */
export interface Causes {
  readonly during: <T>(
    microappId: string,
    envelopeId: string | undefined,
    work: () => Promise<T>,
  ) => Promise<T>;
  readonly of: (microappId: string) => readonly string[];
}

/** Returns causes; nothing is under way yet. */
export function createCauses(): Causes {
  const underWay = new Map<string, string[]>();
  return {
    async during(microappId, envelopeId, work) {
      if (envelopeId === undefined) return work();
      const known = underWay.get(microappId) ?? [];
      underWay.set(microappId, [...known, envelopeId]);
      try {
        return await work();
      } finally {
        const left = [...underWay.get(microappId) ?? []];
        left.splice(left.indexOf(envelopeId), 1);
        if (left.length === 0) underWay.delete(microappId);
        else underWay.set(microappId, left);
      }
    },
    of: (microappId) => underWay.get(microappId) ?? [],
  };
}

/** The built-in tools and every running one as a turn offers them; the same array until one changes. */
export function createToolList(
  host: Host,
  causes: Causes,
  builtIn: readonly Tool[],
): () => readonly Tool[] {
  let known: readonly unknown[] | undefined;
  let tools: readonly Tool[] = [];
  return function toolList() {
    const now = host.tools();
    if (now === known) return tools;
    known = now;
    const ofMicroapps = now.map((descriptor): Tool => ({
      name: descriptor.name,
      ownName: descriptor.ownName,
      microappId: descriptor.microappId,
      description: descriptor.description,
      inputSchema: descriptor.inputSchema,
      account: descriptor.account,
      call: (args, { account, meta, signal }) =>
        causes.during(
          descriptor.microappId,
          meta.nexo?.binding?.event_source?.envelope_id ?? undefined,
          () => host.callTool({ tool: descriptor, arguments: args, account, meta, signal }),
        ),
    }));
    tools = [...builtIn, ...ofMicroapps];
    return tools;
  };
}

/** A microapp that hears events, and of which tenants. */
interface Subscriber {
  readonly id: string;
  /** By `agent_events_subscribe_all`: every kind. */
  readonly all: "all" | readonly string[] | undefined;
  /** By `transcripts_subscribe`: nexo's kinds. */
  readonly nexo: "all" | readonly string[] | undefined;
}

/**
 * Tells each microapp with a grant of the events it may see, after they are on disk; a grant for some
 * tenants hears theirs only. Returns the way to stop.
 */
export function forwardEvents(
  { events, host, settings }: {
    events: EventLog;
    host: Pick<Host, "notify">;
    settings: () => Settings;
  },
): () => void {
  let knownFor: Settings | undefined;
  let subscribers: readonly Subscriber[] = [];

  return events.listen("operator", (batch) => {
    const now = settings();
    if (now !== knownFor) {
      knownFor = now;
      subscribers = subscribersOf(now);
    }
    if (subscribers.length === 0) return;
    const parsed: unknown[] = [];
    for (const { id, all, nexo } of subscribers) {
      batch.forEach(({ account, kind, body }, i) => {
        if (covers(all, account) || (NEXO_KINDS.has(kind) && covers(nexo, account))) {
          host.notify(id, "nexo/notify/agent_event", parsed[i] ??= JSON.parse(body));
        }
      });
    }
  });
}

/** Tells every microapp that holds `capability` for a tenant; its other tenants' holders hear nothing. */
export function notifyHolders(
  { host, settings }: { host: Pick<Host, "notify">; settings: () => Settings },
  { capability, account }: { capability: string; account: string },
  method: string,
  params: unknown,
): void {
  for (const id of Object.keys(settings().extensions.entries)) {
    if (covers(grantedTenants(settings(), id, capability), account)) {
      host.notify(id, method, params);
    }
  }
}

function subscribersOf(settings: Settings): Subscriber[] {
  return Object.keys(settings.extensions.entries)
    .map((id) => ({
      id,
      all: grantedTenants(settings, id, "agent_events_subscribe_all"),
      nexo: grantedTenants(settings, id, "transcripts_subscribe"),
    }))
    .filter(({ all, nexo }) => all !== undefined || nexo !== undefined);
}

function covers(tenants: Subscriber["all"], account: string): boolean {
  return tenants === "all" || tenants?.includes(account) === true;
}

function withField(log: Log, bound: Readonly<Record<string, unknown>>): Log {
  return {
    debug: (event, fields) => log.debug(event, { ...bound, ...fields }),
    info: (event, fields) => log.info(event, { ...bound, ...fields }),
    warn: (event, fields) => log.warn(event, { ...bound, ...fields }),
    error: (event, fields) => log.error(event, { ...bound, ...fields }),
  };
}

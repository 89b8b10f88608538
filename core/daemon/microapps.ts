/**
 * The microapps of the settings in force: started and offered as tools.
 *
 * @module
 */
import type { Tool } from "../agents/tool_gate.ts";
import type { Dispatch } from "../admin/dispatcher.ts";
import { type AgentEvent, type Clock, isSwitchedOn, TOGGLES } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import type { Candidate } from "../microapps/candidate.ts";
import { discoverMicroapps } from "../microapps/discovery.ts";
import { type Host, openHost } from "../microapps/host.ts";
import type { IdentityOf } from "../microapps/http/identity.ts";
import type { Settings } from "../settings/settings.ts";
import { createGuards } from "./guards.ts";
import { mcpPlanOf } from "./mcp_plan.ts";
import { callerOf } from "./microapp_grants.ts";
import { createMicroappErrors } from "./notices.ts";

/** The version microapps made for nexo test against; at least the newest of its 0.1 line. */
export const AGENT_VERSION = "0.1.99";

/** Where microapps are looked for. */
export interface MicroappPlaces {
  readonly settings: () => Settings;
  /** `$NEXO_HOME`. */
  readonly homeDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What running microapps needs. */
export interface MicroappsDeps extends MicroappPlaces {
  /** The admin methods; asked for late, since they show the microapps themselves. */
  readonly dispatch: () => Dispatch;
  /** The tenants whose credentials a microapp registered. */
  readonly servedBy: (microappId: string) => string[];
  readonly onState: (event: AgentEvent & { kind: "microapp_state" }) => void;
  /** Hears what MCP servers that are channels bring. */
  readonly onChannelMessage: (server: string, params: unknown) => void;
  readonly redact: (text: string) => string;
  readonly httpIdentity: IdentityOf;
  readonly now: Clock;
  readonly log: Log;
}

/** Starts the microapps. */
export async function openMicroapps(deps: MicroappsDeps): Promise<Host> {
  const { settings, log } = deps;
  const caller = (id: string) => callerOf(settings(), id, () => deps.servedBy(id));
  let host: Host | undefined;
  const errors = createMicroappErrors({
    ...deps,
    host: { notify: (...notice) => host?.notify(...notice) ?? false },
  });
  host = await openHost({
    candidates: await findMicroapps(deps),
    mcp: mcpPlanOf(settings(), deps.homeDir),
    homeDir: deps.homeDir,
    env: deps.env,
    agentVersion: AGENT_VERSION,
    now: deps.now,
    logFor: (microapp) => withField(log, { microapp }),
    onRequest: ({ microappId, method, params }) =>
      errors.watch(
        microappId,
        () => deps.dispatch()(caller(microappId), method, params),
      ),
    onFault: errors.fault,
    onChannelMessage: deps.onChannelMessage,
    onState(microappId, state, reason) {
      if (state === "ready") errors.ready(microappId);
      deps.onState({
        kind: "microapp_state",
        microapp_id: microappId,
        state,
        ...(reason === undefined ? {} : { reason }),
        at_ms: deps.now(),
      });
    },
    agentsConfigFor: (microappId) =>
      Object.fromEntries(
        [...settings().agents.values()]
          .filter(({ extensions_config }) => Object.hasOwn(extensions_config, microappId))
          .map(({ id, extensions_config }) => [id, extensions_config[microappId]]),
      ),
    redact: (line) => deps.redact(line),
    httpIdentity: deps.httpIdentity,
    mayProbe: () => isSwitchedOn(deps.env, TOGGLES.http_servers),
    guards: createGuards(settings),
  });
  return host;
}

/** What the search paths hold now, and what is wrong there. */
export function searchMicroapps(
  { settings, homeDir, env }: MicroappPlaces,
): ReturnType<typeof discoverMicroapps> {
  const { extensions: config, configDir } = settings();
  return discoverMicroapps({ config, configDir, homeDir, env, agentVersion: AGENT_VERSION });
}

/** The microapps there are now; what is wrong with one is logged. */
export async function findMicroapps(
  { log, ...places }: MicroappPlaces & { readonly log: Log },
): Promise<readonly Candidate[]> {
  const { candidates, diagnostics } = await searchMicroapps(places);
  for (const { level, code, path, message } of diagnostics) {
    log[level]("microapp.discovery", { code, path, message });
  }
  return candidates;
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

  async function whileUnderWay<T>(
    microappId: string,
    envelopeId: string,
    work: () => Promise<T>,
  ): Promise<T> {
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
  }

  return {
    during: (microappId, envelopeId, work) =>
      envelopeId === undefined ? work() : whileUnderWay(microappId, envelopeId, work),
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
      agents: descriptor.agents,
      call: (args, { account, meta, signal }) =>
        causes.during(
          descriptor.microappId,
          meta.nexo?.binding?.event_source?.envelope_id ?? undefined,
          () => host.callTool({ tool: descriptor, arguments: args, account, meta, signal }),
        ),
    }));
    // A tool that comes with a kind of job has the name it likes, but none of core's.
    const taken = new Set(builtIn.map(({ name }) => name));
    tools = [...builtIn, ...ofMicroapps.filter(({ name }) => !taken.has(name))];
    return tools;
  };
}

function withField(log: Log, bound: Readonly<Record<string, unknown>>): Log {
  return {
    debug: (event, fields) => log.debug(event, { ...bound, ...fields }),
    info: (event, fields) => log.info(event, { ...bound, ...fields }),
    warn: (event, fields) => log.warn(event, { ...bound, ...fields }),
    error: (event, fields) => log.error(event, { ...bound, ...fields }),
  };
}

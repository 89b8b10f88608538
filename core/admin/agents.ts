/**
 * `nexo/admin/echo`, `nexo/admin/reload` and `nexo/admin/agents/*`.
 *
 * @module
 */
import {
  type AgentConfig,
  bindingId,
  type Clock,
  CodedError,
  RPC_CODES,
  RpcFault,
} from "../contract/mod.ts";
import { AGENT_METHODS, type AgentDetail } from "../contract/admin/agents.ts";
import type { ChangeConfig, ConfigDraft } from "../settings/draft.ts";
import type { Settings } from "../settings/settings.ts";
import { tenantOf } from "../settings/tenant.ts";
import {
  type AdminMethod,
  type Call,
  type Handlers,
  methodsOf,
  notGranted,
  sees,
  tenantForWriting,
} from "./method.ts";
import { findAgent, literal, literalJson, mapAt, type RawMap, readMap } from "./raw_config.ts";

/** What the agent methods need. */
export interface AgentMethodDeps {
  readonly settings: () => Settings;
  readonly changeConfig: ChangeConfig;
  /** Loads all files again. @throws {ConfigError} */
  readonly reload: () => Promise<Settings>;
  readonly now: Clock;
}

/** Returns the methods on agents. */
export function agentMethods(deps: AgentMethodDeps): AdminMethod[] {
  const { settings, changeConfig, reload, now } = deps;
  const find = (id: string, call: Call): AgentConfig | undefined => {
    const agent = settings().agents.get(id);
    return agent !== undefined && seesAgent(agent, settings(), call) ? agent : undefined;
  };

  return methodsOf(AGENT_METHODS, {
    "nexo/admin/echo": (params, { caller }) =>
      Promise.resolve({
        echoed: params,
        microapp_id: caller.kind === "microapp" ? caller.id : caller.subject,
      }),

    async "nexo/admin/reload"() {
      const { version } = await reload();
      return { reloaded_at_ms: now(), config_version: version };
    },

    "nexo/admin/agents/list"({ active_only, plugin_filter, tenant_id }, call) {
      const current = settings();
      const agents = [...current.agents.values()]
        .filter((agent) =>
          seesAgent(agent, current, call) && (active_only !== true || agent.active) &&
          (plugin_filter == null ||
            agent.inbound_bindings.some(({ plugin }) => plugin === plugin_filter)) &&
          (tenant_id == null || tenantsOf(agent, current).has(tenant_id))
        )
        .map((agent) => ({
          id: agent.id,
          active: agent.active,
          model_provider: agent.model.provider,
          bindings_count: agent.inbound_bindings.length,
        }))
        .sort((a, b) => a.id < b.id ? -1 : 1);
      return Promise.resolve({ agents });
    },

    "nexo/admin/agents/get"({ agent_id }, call) {
      const agent = find(agent_id, call);
      if (agent === undefined) {
        throw new CodedError("not_found", `agent \`${agent_id}\` not in yaml`);
      }
      return Promise.resolve(detailOf(agent, call));
    },

    async "nexo/admin/agents/upsert"(params, call) {
      if (params.extension_config != null && call.caller.kind !== "microapp") {
        throw new CodedError(
          "invalid_params",
          "Cannot set extension_config: it is for microapps; operators edit extensions_config",
        );
      }
      if (settings().agents.has(params.id) && find(params.id, call) === undefined) {
        throw notGranted(call);
      }
      const { settings: next } = await changeConfig(
        (draft) => writeAgent(draft, params, call),
        (planned) => {
          const agent = planned.agents.get(params.id);
          if (agent !== undefined && !mayBe(agent, planned, call)) throw notGranted(call);
        },
      );
      const agent = next.agents.get(params.id);
      if (agent === undefined) {
        throw new RpcFault(RPC_CODES.internal, "internal: post-upsert read returned None");
      }
      return { ...detailOf(agent, call), config_version: next.version };
    },

    async "nexo/admin/agents/delete"({ agent_id }, call) {
      const known = find(agent_id, call) !== undefined;
      if (!known) return { removed: false, config_version: settings().version };
      const { result, settings: next } = await changeConfig((draft) =>
        removeAgent(draft, agent_id)
      );
      return { removed: result, config_version: next.version };
    },
  }, {
    "nexo/admin/agents/get": ({ agent_id }) => soleTenantOf(agent_id, settings()),
    "nexo/admin/agents/upsert": ({ id }) => soleTenantOf(id, settings()),
    "nexo/admin/agents/delete": ({ agent_id }) => soleTenantOf(agent_id, settings()),
  });
}

/** Whether a call may make an agent so: of its tenants, and on no line that is another tenant's. */
function mayBe(agent: AgentConfig, planned: Settings, call: Call): boolean {
  if (call.tenants === "all") return true;
  const taken = new Set(
    [...planned.agents.values()].filter((other) => !seesAgent(other, planned, call))
      .flatMap(({ inbound_bindings }) => inbound_bindings.map(lineOf)),
  );
  return seesAgent(agent, planned, call) &&
    agent.inbound_bindings.every((binding) =>
      !taken.has(lineOf(binding)) &&
      (binding.instance == null || !planned.tenants.has(binding.instance) ||
        sees(call, binding.instance))
    );
}

function lineOf({ plugin, instance }: AgentConfig["inbound_bindings"][number]): string {
  return bindingId(plugin, instance ?? null);
}

type Upsert = Parameters<Handlers<typeof AGENT_METHODS>["nexo/admin/agents/upsert"]>[0];

/** Writes what was given and keeps the rest; a new agent goes to the end of `agents.yaml`. */
async function writeAgent(draft: ConfigDraft, params: Upsert, call: Call): Promise<void> {
  const declared = await findAgent(draft, params.id);
  if (declared !== undefined) {
    setFields(declared.agent, params, call);
    if (params.tenant_id !== undefined) {
      declared.agent["tenant_id"] = tenantForWriting(params.tenant_id, call);
    }
    return draft.write(declared.file, declared.content);
  }
  const tenant = tenantForWriting(params.tenant_id, call);
  const agent: RawMap = { id: params.id, ...(tenant === undefined ? {} : { tenant_id: tenant }) };
  setFields(agent, params, call);
  const content = await readMap(draft, "agents.yaml");
  const agents: unknown = content["agents"];
  content["agents"] = [...(Array.isArray(agents) ? agents : []), agent];
  await draft.write("agents.yaml", content);
}

function setFields(agent: RawMap, params: Upsert, { caller }: Call): void {
  Object.assign(mapAt(agent, "model"), {
    provider: literal(params.model.provider),
    model: literal(params.model.model),
  });
  if (params.active != null) agent["active"] = params.active;
  if (params.language != null) agent["language"] = literal(params.language);
  // A prompt is a template: the environment is never put into it.
  if (params.system_prompt != null) agent["system_prompt"] = params.system_prompt;
  if (params.allowed_tools != null) agent["allowed_tools"] = params.allowed_tools.map(literal);
  if (params.inbound_bindings != null) {
    agent["inbound_bindings"] = params.inbound_bindings.map(({ plugin, instance }) =>
      bindingOf(agent, plugin, instance ?? undefined)
    );
  }
  if (params.extension_config != null && caller.kind === "microapp") {
    mapAt(agent, "extensions_config")[caller.id] = literalJson(params.extension_config);
  }
}

/** A binding that was there keeps what else it says; the wire only names it. */
function bindingOf(agent: RawMap, plugin: string, instance: string | undefined): unknown {
  const bindings = agent["inbound_bindings"];
  const known = Array.isArray(bindings)
    ? bindings.find((binding: RawMap | null) =>
      binding?.["plugin"] === plugin && (binding["instance"] ?? undefined) === instance
    ) as unknown
    : undefined;
  if (known !== undefined) return known;
  return instance === undefined
    ? { plugin: literal(plugin) }
    : { plugin: literal(plugin), instance: literal(instance) };
}

async function removeAgent(draft: ConfigDraft, id: string): Promise<boolean> {
  const declared = await findAgent(draft, id);
  if (declared === undefined) return false;
  declared.agents.splice(declared.index, 1);
  await draft.write(declared.file, declared.content);
  return true;
}

function detailOf(agent: AgentConfig, { caller }: Call): AgentDetail {
  const { extensions_config: configs } = agent;
  const own = caller.kind === "microapp" && Object.hasOwn(configs, caller.id)
    ? configs[caller.id]
    : undefined;
  return {
    id: agent.id,
    model: { provider: agent.model.provider, model: agent.model.model },
    active: agent.active,
    allowed_tools: agent.allowed_tools,
    inbound_bindings: agent.inbound_bindings.map(({ plugin, instance }) =>
      instance == null ? { plugin } : { plugin, instance }
    ),
    system_prompt: agent.system_prompt,
    ...(agent.language == null ? {} : { language: agent.language }),
    ...(own === undefined ? {} : { extension_config: own }),
  };
}

/** The tenants an agent works for: its own, or those of its bindings. */
export function tenantsOf(agent: AgentConfig, settings: Settings): Set<string> {
  const accounts = agent.inbound_bindings.map(({ plugin, instance }) =>
    tenantOf(settings, agent, plugin, instance ?? undefined)
  );
  return new Set([agent.tenant_id, ...accounts].filter((account) => account != null));
}

/** The tenant of an agent that works for one alone. */
export function soleTenantOf(agentId: string, settings: Settings): string | undefined {
  const agent = settings.agents.get(agentId);
  const [only, ...others] = agent === undefined ? [] : tenantsOf(agent, settings);
  return others.length === 0 ? only : undefined;
}

/** Whether a call may see an agent: a grant for some tenants covers all it works for. */
export function seesAgent(agent: AgentConfig, settings: Settings, call: Call): boolean {
  if (call.tenants === "all") return true;
  const own = tenantsOf(agent, settings);
  return own.size > 0 && [...own].every((account) => sees(call, account));
}

/**
 * `nexo/admin/llm_providers/*`.
 *
 * @module
 */
import { type AgentConfig, CodedError, type LlmProbe, type LlmProvider } from "../contract/mod.ts";
import { LLM_PROVIDER_METHODS, type LlmProviderSummary } from "../contract/admin/llm_providers.ts";
import type { ChangeConfig } from "../settings/draft.ts";
import type { Settings } from "../settings/settings.ts";
import { tenantsOf } from "./agents.ts";
import { type AdminMethod, type Call, methodsOf, sees, tenantForWriting } from "./method.ts";
import { literal, literalJson, mapAt, readMap } from "./raw_config.ts";

const FILE = "llm.yaml";

/** Asks a provider for its models, as turns of a tenant would find it; null for all tenants. */
type ProbeLlm = (provider: string, account: string | null) => Promise<LlmProbe>;

/** What the provider methods need. */
export interface LlmProviderMethodDeps {
  readonly settings: () => Settings;
  readonly changeConfig: ChangeConfig;
  /** The secret an `api_key_env` names. */
  readonly secretOf: (name: string) => string | undefined;
  readonly probe: ProbeLlm;
}

/** Returns the methods on model providers. */
export function llmProviderMethods(deps: LlmProviderMethodDeps): AdminMethod[] {
  const { settings, changeConfig, secretOf, probe } = deps;

  return methodsOf(LLM_PROVIDER_METHODS, {
    "nexo/admin/llm_providers/list"({ tenant_id }, call) {
      const scopes = tenant_id !== undefined
        ? [tenant_id].filter((account) => sees(call, account))
        : call.tenants === "all"
        ? [undefined]
        : call.tenants;
      const providers = scopes.flatMap((scope) =>
        Object.entries(providersOf(settings(), scope)).map(([id, provider]) =>
          summaryOf(id, provider, scope)
        )
      );
      return Promise.resolve({ providers: providers.sort((a, b) => a.id < b.id ? -1 : 1) });
    },

    async "nexo/admin/llm_providers/upsert"(params, call) {
      const scope = tenantForWriting(params.tenant_id, call);
      if ((secretOf(params.api_key_env) ?? "") === "") {
        throw invalid(`api_key_env \`${params.api_key_env}\` is not set in process env`);
      }
      const { settings: next } = await changeConfig(async (draft) => {
        const content = await readMap(draft, FILE);
        const provider = mapAt(content, ...pathOf(scope), params.id);
        provider["base_url"] = literal(params.base_url);
        provider["api_key_env"] = literal(params.api_key_env);
        if (params.headers != null && Object.keys(params.headers).length > 0) {
          provider["headers"] = literalJson(params.headers);
        }
        await draft.write(FILE, content);
      });
      const written = providersOf(next, scope)[params.id];
      if (written === undefined) throw new TypeError(`provider "${params.id}" was not written`);
      return { ...summaryOf(params.id, written, scope), config_version: next.version };
    },

    async "nexo/admin/llm_providers/delete"({ provider_id, tenant_id }, call) {
      const current = settings();
      const scope = scopeOf(tenant_id, call);
      if (scope === "none" || !Object.hasOwn(providersOf(current, scope.account), provider_id)) {
        return { removed: false, config_version: current.version };
      }
      const user = userOf(current, provider_id, scope.account);
      if (user !== undefined) {
        const where = scope.account ?? "global";
        throw invalid(
          `provider \`${provider_id}\` still in use by agent \`${user.id}\` (scope: ${where})`,
        );
      }
      const { settings: next } = await changeConfig(async (draft) => {
        const content = await readMap(draft, FILE);
        delete mapAt(content, ...pathOf(scope.account))[provider_id];
        await draft.write(FILE, content);
      });
      return { removed: true, config_version: next.version };
    },

    "nexo/admin/llm_providers/probe"({ provider_id, tenant_id }, call) {
      const scope = scopeOf(tenant_id, call);
      if (scope === "none") throw invalid(`unknown provider \`${provider_id}\``);
      const provider = providersOf(settings(), scope.account)[provider_id];
      if (provider === undefined) throw invalid(`unknown provider \`${provider_id}\``);
      const { api_key_env: variable } = provider;
      const apiKey = provider.api_key ?? (variable === undefined ? undefined : secretOf(variable));
      if (apiKey === undefined || apiKey === "") {
        throw invalid(
          variable === undefined
            ? `provider \`${provider_id}\` has no api_key_env`
            : `api_key_env \`${variable}\` is unset or empty`,
        );
      }
      return probe(provider_id, scope.account ?? null);
    },
  });
}

function invalid(message: string): CodedError {
  return new CodedError("invalid_params", message);
}

/** The scope a call may look into; a grant for one tenant looks into that one's. */
function scopeOf(
  tenantId: string | undefined,
  call: Call,
): { readonly account: string | undefined } | "none" {
  if (call.tenants === "all") return { account: tenantId };
  const account = tenantId ?? (call.tenants.length === 1 ? call.tenants[0] : undefined);
  return account !== undefined && sees(call, account) ? { account } : "none";
}

function pathOf(scope: string | undefined): string[] {
  return scope === undefined ? ["providers"] : ["tenants", scope, "providers"];
}

function providersOf(
  { llm }: Settings,
  scope: string | undefined,
): Readonly<Record<string, LlmProvider>> {
  if (scope === undefined) return llm.providers;
  return Object.hasOwn(llm.tenants, scope) ? llm.tenants[scope]?.providers ?? {} : {};
}

function summaryOf(
  id: string,
  { base_url, api_key_env }: LlmProvider,
  scope: string | undefined,
): LlmProviderSummary {
  return {
    id,
    base_url: base_url ?? "",
    api_key_env: api_key_env ?? "",
    ...(scope === undefined ? {} : { tenant_scope: scope }),
  };
}

/** An agent whose turns would ask the provider of this scope. */
function userOf(
  settings: Settings,
  provider: string,
  scope: string | undefined,
): AgentConfig | undefined {
  return [...settings.agents.values()].find((agent) => {
    const named = [agent.model, ...agent.inbound_bindings.flatMap(({ model }) => model ?? [])];
    if (!named.some((model) => model.provider === provider)) return false;
    const accounts = [...tenantsOf(agent, settings)];
    if (scope !== undefined) return accounts.includes(scope);
    return accounts.length === 0 ||
      accounts.some((account) => !Object.hasOwn(providersOf(settings, account), provider));
  });
}

/**
 * `nexo/admin/credentials/*`: a line's credential, its tenant and its agents, in one call.
 *
 * @module
 */
import type { ChannelCredential, GivenCredential } from "../channels/credentials/credential.ts";
import {
  CREDENTIAL_METHODS,
  type CredentialSummary,
  type CredentialValidation,
} from "../contract/admin/credentials.ts";
import { DEFAULT_ACCOUNT, RPC_CODES, RpcFault } from "../contract/mod.ts";
import type { ChangeConfig } from "../settings/draft.ts";
import type { Settings } from "../settings/settings.ts";
import { tenantOf } from "../settings/tenant.ts";
import type { Credentials, Line } from "../vault/credentials.ts";
import { seesAgent, tenantsOf } from "./agents.ts";
import { bindAgent, removeLine, unbindAgent, writeLine } from "./credential_files.ts";
import {
  type AdminMethod,
  type Call,
  type Handlers,
  methodsOf,
  notGranted,
  onlyTenant,
  sees,
} from "./method.ts";

const DEFAULT_INSTANCE = "default";

/** What the credential methods need. */
export interface CredentialMethodDeps {
  readonly settings: () => Settings;
  readonly changeConfig: ChangeConfig;
  /** Makes whoever uses credentials look again. */
  readonly reload: () => Promise<Settings>;
  readonly credentials: Credentials;
  /** What each channel says of its credentials. */
  readonly channels: ReadonlyMap<string, ChannelCredential>;
  readonly probe: (
    channel: ChannelCredential,
    line: Line,
    given: GivenCredential,
  ) => Promise<CredentialValidation>;
}

type Register = Parameters<
  Handlers<typeof CREDENTIAL_METHODS>["nexo/admin/credentials/register"]
>[0];

/** Returns the methods on credentials. */
export function credentialMethods(deps: CredentialMethodDeps): AdminMethod[] {
  const { settings, changeConfig, credentials } = deps;

  return methodsOf(CREDENTIAL_METHODS, {
    "nexo/admin/credentials/list"({ channel_filter, tenant_id }, call) {
      const found = credentials.list().filter(({ account, channel }) =>
        sees(call, account) && (tenant_id === undefined || account === tenant_id) &&
        (channel_filter == null || channel === channel_filter)
      );
      return Promise.resolve({
        credentials: found.map((line): CredentialSummary => ({
          channel: line.channel,
          instance: line.instance,
          agent_ids: agentsOn(settings(), line),
        })),
      });
    },

    async "nexo/admin/credentials/register"(params, call) {
      const { channel, agent_ids } = params;
      const spec = deps.channels.get(channel);
      const given = { payload: params.payload, metadata: params.metadata ?? {} };
      if (spec?.needsInstance === true && params.instance === undefined) {
        throw invalid(`${channel} requires an instance`);
      }
      const problem = spec?.problemOf(given);
      if (problem !== undefined) throw invalid(problem);
      const line = lineOf(params);
      const account = accountFor(params, line, deps, call);
      for (const id of agent_ids) checkAgent(id, settings(), call);

      const registeredBy = call.caller.kind === "microapp" ? call.caller.id : null;
      const undo = await credentials.put({ ...line, account, registeredBy }, given);
      const { settings: next, changed } = await changeConfig(
        async (draft) => {
          if (spec !== undefined) {
            await writeLine(draft, {
              instance: line.instance,
              account: settings().singleTenant ? null : account,
              place: spec.place,
              fields: spec.fieldsFor(given),
            });
          }
          for (const agentId of agent_ids) await bindAgent(draft, { agentId, line });
        },
        (planned) => checkOwners(planned, line, account),
      ).catch(async (error: unknown) => {
        await undo();
        throw error;
      });
      const { version } = changed ? next : await deps.reload();
      const validation = spec && await deps.probe(spec, line, given);
      return {
        summary: {
          channel,
          ...(params.instance === undefined ? {} : { instance: params.instance }),
          agent_ids,
        },
        ...(validation === undefined ? {} : { validation }),
        config_version: version,
      };
    },

    async "nexo/admin/credentials/revoke"(params, call) {
      const { channel } = params;
      const line = lineOf(params);
      const known = credentials.find(line);
      if (known === undefined || !sees(call, known.account)) {
        return { removed: false, unbound_agents: [], config_version: settings().version };
      }
      const bound = agentsOn(settings(), line);
      const place = deps.channels.get(channel)?.place;
      const { settings: next, changed } = await changeConfig(async (draft) => {
        for (const agentId of bound) await unbindAgent(draft, { agentId, line });
        if (place !== undefined) await removeLine(draft, { instance: line.instance, place });
      });
      const removed = await credentials.remove(line);
      const { version } = changed ? next : await deps.reload();
      return { removed, unbound_agents: bound, config_version: version };
    },
  }, {
    "nexo/admin/credentials/register": ({ agent_ids, ...named }) =>
      credentials.find(lineOf(named))?.account ??
        impliedAccount(agent_ids, lineOf(named), settings()),
    "nexo/admin/credentials/revoke": (named) => credentials.find(lineOf(named))?.account,
  });
}

function lineOf(
  { channel, instance = DEFAULT_INSTANCE }: { channel: string; instance?: string | undefined },
): Line {
  return { channel, instance };
}

/** Whose a line shall be; it stays with the tenant that has it until that credential is revoked. */
function accountFor(
  { tenant_id, agent_ids }: Register,
  line: Line,
  { settings, credentials }: CredentialMethodDeps,
  call: Call,
): string {
  const current = settings();
  const account = tenant_id ?? onlyTenant(call) ?? impliedAccount(agent_ids, line, current);
  if (account === undefined) {
    throw invalid(
      "tenant_id is required: neither the instance nor the agents say whose line it is",
    );
  }
  if (!sees(call, account)) throw notGranted(call);
  if (!current.tenants.has(account)) throw invalid(`tenant \`${account}\` is unknown`);
  const holder = credentials.find(line)?.account ?? account;
  if (holder !== account) {
    if (!sees(call, holder)) throw notGranted(call);
    throw invalid(`${line.channel}:${line.instance} is another tenant's; revoke it there first`);
  }
  return account;
}

function impliedAccount(
  agentIds: readonly string[],
  { instance }: Line,
  settings: Settings,
): string | undefined {
  if (settings.singleTenant) return DEFAULT_ACCOUNT;
  if (settings.tenants.has(instance)) return instance;
  const owners = new Set(agentIds.flatMap((id) => {
    const agent = settings.agents.get(id);
    return agent === undefined ? [] : [...tenantsOf(agent, settings)];
  }));
  const [only, ...others] = owners;
  return others.length === 0 ? only : undefined;
}

function checkAgent(id: string, settings: Settings, call: Call): void {
  const agent = settings.agents.get(id);
  if (agent !== undefined && seesAgent(agent, settings, call)) return;
  throw new RpcFault(RPC_CODES.internal, `internal: agent \`${id}\` bind failed: not in yaml`);
}

/** Nobody may bind an agent to a line that is then somebody else's than the credential's. */
function checkOwners(planned: Settings, line: Line, account: string): void {
  for (const id of agentsOn(planned, line)) {
    const agent = planned.agents.get(id);
    const owner = agent && tenantOf(planned, agent, line.channel, line.instance);
    if (owner !== account || (agent?.tenant_id ?? account) !== account) {
      throw invalid(`agent \`${id}\` bind failed: it works for another tenant`);
    }
  }
}

/** Agents with a binding of exactly this line, sorted. */
function agentsOn({ agents }: Settings, { channel, instance }: Line): string[] {
  return [...agents.values()].filter(({ inbound_bindings }) =>
    inbound_bindings.some((binding) =>
      binding.plugin === channel && (binding.instance ?? DEFAULT_INSTANCE) === instance
    )
  ).map(({ id }) => id).sort();
}

function invalid(text: string): RpcFault {
  return new RpcFault(RPC_CODES.invalid_params, `invalid_params: ${text}`);
}

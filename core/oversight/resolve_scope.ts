/**
 * From a scope as somebody writes it to the one it means: `account_id` may be the tenant or the instance.
 *
 * @module
 */
import { type AgentConfig, ProcessingScope } from "../contract/mod.ts";
import type { Settings } from "../settings/settings.ts";
import { tenantOf } from "../settings/tenant.ts";
import { type Scope, scopeKey } from "./scopes.ts";

/** What a given scope turned out to be. */
export type ScopeResolution =
  | { readonly kind: "found"; readonly scope: Scope }
  /** Nothing of that name, or nothing the caller may see. */
  | { readonly kind: "unknown" }
  | { readonly kind: "ambiguous"; readonly meant: readonly Scope[] };

/** Where an agent listens, and for whom. */
interface Place {
  readonly channel: string;
  readonly instance: string;
  readonly account: string;
}

/**
 * Finds what a scope means under `settings`; `sees` says which tenants the caller may know of, and
 * `known` are scopes that stand though no binding leads to them any more.
 */
export function resolveScope(
  given: ProcessingScope,
  { settings, sees, known }: {
    settings: Settings;
    sees: (account: string) => boolean;
    known: readonly Scope[];
  },
): ScopeResolution {
  const agent = settings.agents.get(given.agent_id);
  const places = agent === undefined
    ? []
    : placesOf(agent, given, settings).filter((place) => isMeant(given, place));
  const scopes = [
    ...places.map((place) => scopeAt(given, place)),
    ...known.filter((scope) =>
      scope.kind === given.kind && scope.agentId === given.agent_id &&
      isMeant(given, { channel: "", instance: "", ...scope }) &&
      (scope.kind !== "conversation" || given.kind !== "conversation" ||
        scope.contact === given.contact_id)
    ),
  ].filter(({ account }) => sees(account));
  const meant = [
    ...new Map(scopes.map((scope) => [`${scope.account} ${scopeKey(scope)}`, scope])).values(),
  ];
  const [first, ...others] = meant;
  if (first === undefined) return { kind: "unknown" };
  return others.length === 0 ? { kind: "found", scope: first } : { kind: "ambiguous", meant };
}

/** The tenant of whatever somebody wrote as a scope; undefined when it means nothing, or several. */
export function tenantOfScope(
  given: unknown,
  { settings, known }: { settings: Settings; known: readonly Scope[] },
): string | undefined {
  const scope = ProcessingScope.safeParse(given);
  if (!scope.success) return undefined;
  const found = resolveScope(scope.data, { settings, sees: () => true, known });
  return found.kind === "found" ? found.scope.account : undefined;
}

function isMeant(given: ProcessingScope, { channel, instance, account }: Place): boolean {
  if (given.tenant_id != null && given.tenant_id !== account) return false;
  if (given.kind !== "agent") {
    if (given.channel !== channel) return false;
    if (given.instance != null && given.instance !== instance) return false;
  }
  return given.account_id == null || given.account_id === account || given.account_id === instance;
}

function scopeAt(given: ProcessingScope, { channel, instance, account }: Place): Scope {
  const agentId = given.agent_id;
  switch (given.kind) {
    case "conversation":
      return { kind: given.kind, account, agentId, channel, instance, contact: given.contact_id };
    case "agent_binding":
      return { kind: given.kind, account, agentId, channel, instance };
    case "agent":
      return { kind: given.kind, account, agentId };
  }
}

/** Everywhere the agent may be meant; a subscriber without a tenant of its agent hears of them all. */
function placesOf(agent: AgentConfig, given: ProcessingScope, settings: Settings): Place[] {
  const bound = agent.inbound_bindings.flatMap(({ plugin, instance }): Place[] => {
    if (plugin === "event") return [];
    const account = tenantOf(settings, agent, plugin, instance ?? undefined);
    return account === undefined
      ? []
      : [{ channel: plugin, instance: instance ?? "default", account }];
  });
  const named = [given.tenant_id, given.account_id].find((id) =>
    id != null && settings.tenants.has(id)
  );
  const only = agent.tenant_id ?? named;
  const tenants = only == null ? [...settings.tenants.keys()] : [only];
  const subscribed = agent.event_subscribers.flatMap(({ id }) =>
    tenants.map((account): Place => ({ channel: "event", instance: id, account }))
  );
  // An agent of one tenant is there though nothing is bound to it yet.
  const own = agent.tenant_id ?? (settings.singleTenant ? tenants[0] : undefined);
  const itself = own === undefined ? [] : [{ channel: "", instance: "", account: own }];
  return [...bound, ...subscribed, ...(given.kind === "agent" ? itself : [])];
}

/**
 * Scopes and operators in the params of a call: what they mean, and whether the caller may.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type AnyScope, CodedError, RPC_CODES, RpcFault } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import type { Operator, Pauses } from "../oversight/pauses.ts";
import { resolveScope, type ScopeResolution } from "../oversight/resolve_scope.ts";
import { type Scope, wireScope } from "../oversight/scopes.ts";
import type { Settings } from "../settings/settings.ts";
import { type Call, notGranted, sees } from "./method.ts";

/** What reading such params needs. */
export interface ScopeParamDeps {
  readonly settings: () => Settings;
  readonly pauses: Pick<Pauses, "all">;
  readonly log: Log;
}

type Pausable = Extract<AnyScope, { kind: "conversation" | "agent_binding" | "agent" }>;

/** Whether there is anything here that such a scope could pause. */
export function isPausable(scope: AnyScope): scope is Pausable {
  return scope.kind === "conversation" || scope.kind === "agent_binding" || scope.kind === "agent";
}

/** The refusal of what nexo's methods do not do either, in its words. */
export function notImplemented({ method }: Call, detail: string): RpcFault {
  return new RpcFault(
    RPC_CODES.method_not_found,
    `method_not_found: not_implemented: ${method} — ${detail}`,
  );
}

/** What a scope means to a caller. @throws {CodedError} `invalid_params` when it can mean several */
export function findScope(
  given: Pausable,
  call: Call,
  { settings, pauses }: ScopeParamDeps,
): Scope | undefined {
  const found: ScopeResolution = resolveScope(given, {
    settings: settings(),
    sees: (account) => sees(call, account),
    known: pauses.all().map(({ scope }) => scope),
  });
  if (found.kind === "unknown") return undefined;
  if (found.kind === "found") return found.scope;
  const meant = found.meant.slice(0, 5).map((scope) => {
    const { tenant_id, instance } = wireScope(scope) as { tenant_id: string; instance?: string };
    return instance === undefined ? `tenant ${tenant_id}` : `${instance} of tenant ${tenant_id}`;
  });
  throw new CodedError(
    "invalid_params",
    `ambiguous scope: it can mean ${meant.join(" or ")}; add tenant_id or instance`,
  );
}

/**
 * The scope a call acts on.
 *
 * @throws {RpcFault} not implemented, or not granted; {CodedError} `invalid_params`
 */
export function scopeOf(given: AnyScope, call: Call, deps: ScopeParamDeps): Scope {
  if (!isPausable(given)) throw notImplemented(call, "v0 routes only Conversation scope");
  const scope = findScope(given, call, deps);
  if (scope !== undefined) return scope;
  if (call.tenants !== "all") throw notGranted(call);
  const place = given.kind === "agent" ? "" : ` on ${given.channel} for "${given.account_id}"`;
  throw new CodedError(
    "invalid_params",
    `unknown scope: agent "${given.agent_id}" has no binding${place}`,
  );
}

/**
 * Who acts. An operator's own token says it; of a microapp the hash must be one of `oversight.yaml`,
 * unless that names nobody.
 *
 * @throws {CodedError} `invalid_params`
 */
export function operatorOf(
  given: {
    readonly operator_token_hash?: string | null | undefined;
    readonly operator_name?: string | null | undefined;
  },
  scope: Scope,
  { caller, method }: Call,
  { settings, log }: ScopeParamDeps,
): Operator {
  const { operator_token_hash: hash } = given;
  const name = given.operator_name ?? null;
  if (caller.kind === "operator") {
    return { hash: hash ?? hashOf(caller.subject), name: name ?? caller.subject };
  }
  if (hash == null) throw new CodedError("invalid_params", "missing field: operator_token_hash");
  const { operators } = settings().oversight;
  if (operators.length === 0) {
    log.info("operator.unverified", { microapp: caller.id, method, operator_token_hash: hash });
    return { hash, name };
  }
  const known = operators.find(({ token_hash }) => token_hash === hash);
  if (known === undefined || known.tenants?.includes(scope.account) === false) {
    throw new CodedError("invalid_params", "operator_token_hash is no known operator's");
  }
  return { hash, name: known.name };
}

/** Operators who sign in have no shared token; their name stands for one. */
function hashOf(subject: string): string {
  return createHash("sha256").update(`operator:${subject}`).digest("hex").slice(0, 16);
}

/**
 * `nexo/admin/escalations/*`: what agents asked people to look at.
 *
 * @module
 */
import { ESCALATION_METHODS } from "../contract/admin/escalations.ts";
import { CodedError } from "../contract/mod.ts";
import {
  type EscalationQuery,
  type EscalationRow,
  wireEscalation,
} from "../oversight/escalation_rows.ts";
import type { Escalations, Resolution } from "../oversight/escalations.ts";
import { scopeOfRow, wireScope } from "../oversight/scopes.ts";
import { type AdminMethod, type Call, methodsOf, sees } from "./method.ts";
import { operatorOf, scopeOf, type ScopeParamDeps } from "./scope_params.ts";

/** What these methods need. */
export interface EscalationMethodDeps extends ScopeParamDeps {
  readonly escalations: Pick<Escalations, "resolve">;
  readonly listEscalations: (query: EscalationQuery) => Promise<EscalationRow[]>;
  readonly uuid: () => string;
}

/** Returns the methods on escalations. */
export function escalationMethods(deps: EscalationMethodDeps): AdminMethod[] {
  return methodsOf(ESCALATION_METHODS, {
    async "nexo/admin/escalations/list"(params, call) {
      const { limit } = params;
      const rows = await deps.listEscalations({
        accounts: accountsOf(params.tenant_id, call),
        state: params.filter ?? "pending",
        agentId: params.agent_id ?? undefined,
        kind: params.scope_kind ?? undefined,
        before: readCursor(params.cursor ?? undefined),
        limit,
      });
      const last = rows.at(-1);
      return {
        entries: rows.map((row) => ({
          agent_id: row.agent_id,
          scope: wireScope(scopeOfRow(row)),
          state: wireEscalation(row),
        })),
        ...(last !== undefined && rows.length === limit
          ? { next_cursor: `${last.requested_at_ms}.${last.id}` }
          : {}),
      };
    },

    async "nexo/admin/escalations/resolve"(params, call) {
      const scope = scopeOf(params.scope, call, deps);
      const by = resolutionOf(params);
      const operator = operatorOf(params, scope, call, deps);
      const changed = await deps.escalations.resolve(scope, operator, by);
      return { changed, correlation_id: deps.uuid() };
    },
  });
}

function accountsOf(tenantId: string | undefined, call: Call): EscalationQuery["accounts"] {
  if (tenantId === undefined) return call.tenants;
  return sees(call, tenantId) ? [tenantId] : [];
}

function resolutionOf(
  { by, dismiss_reason: reason }: { by: string; dismiss_reason?: string | null | undefined },
): Resolution {
  if (by === "takeover") return { kind: "operator_takeover" };
  if (reason == null || reason.trim() === "") {
    throw new CodedError("invalid_params", "dismiss_reason is required when by=dismissed");
  }
  return { kind: "operator_dismissed", reason: reason.trim() };
}

function readCursor(cursor: string | undefined): EscalationQuery["before"] {
  if (cursor === undefined) return undefined;
  const [, requested, id] = /^(\d{1,15})\.([0-9a-f-]{36})$/.exec(cursor) ?? [];
  if (requested === undefined || id === undefined) {
    throw new CodedError("invalid_params", "cursor is not one this method gave");
  }
  return { requestedAtMs: Number(requested), id };
}

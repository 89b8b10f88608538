/**
 * `nexo/admin/{turns,usage,audit}/*`: the record of one tenant, for whoever may read it.
 *
 * @module
 */
import { TENANT_RECORD_METHODS } from "../contract/admin/tenant_record.ts";
import { RPC_CODES, RpcFault } from "../contract/mod.ts";
import type { UsageQuery, UsageRow } from "../models/budget/usage.ts";
import type { AuditPage, AuditQuery } from "../record/admin_audit.ts";
import type { TurnPage, TurnQuery } from "../record/turns.ts";
import { type AdminMethod, type Call, methodsOf, onlyTenant, sees } from "./method.ts";

/** What the methods read. */
export interface TenantRecordDeps {
  readonly tailTurns: (account: string, query: TurnQuery) => Promise<TurnPage>;
  readonly readUsage: (query: UsageQuery) => Promise<UsageRow[]>;
  readonly tailAudit: (query: AuditQuery & { tenant: string }) => Promise<AuditPage>;
}

/** Returns the methods. A tenant outside the grant answers as one that was never there. */
export function tenantRecordMethods(deps: TenantRecordDeps): AdminMethod[] {
  return methodsOf(TENANT_RECORD_METHODS, {
    async "nexo/admin/turns/tail"({ tenant_id, agent_id, since_ms, limit, cursor }, call) {
      const account = accountFor(tenant_id, call);
      if (!sees(call, account)) return { turns: [] };
      const page = await deps.tailTurns(account, {
        agentId: agent_id ?? undefined,
        sinceMs: since_ms ?? undefined,
        limit,
        cursor: cursor ?? undefined,
      });
      return { ...page, turns: page.turns.map((turn) => ({ ...turn })) };
    },

    async "nexo/admin/usage/list"({ tenant_id, since_ms, until_ms, by }, call) {
      const account = accountFor(tenant_id, call);
      if (!sees(call, account)) return { usage: [] };
      const usage = await deps.readUsage({
        account,
        sinceMs: since_ms,
        untilMs: until_ms ?? undefined,
        by: by ?? "day",
      });
      return { usage: usage.map((row) => ({ ...row })) };
    },

    async "nexo/admin/audit/tail"({ tenant_id, method, result, since_ms, limit }, call) {
      const tenant = accountFor(tenant_id, call);
      if (!sees(call, tenant)) return { calls: [] };
      const { calls } = await deps.tailAudit({
        tenant,
        method: method ?? undefined,
        result: result ?? undefined,
        sinceMs: since_ms ?? undefined,
        limit,
      });
      return { calls: [...calls] };
    },
  });
}

function accountFor(named: string | undefined, call: Call): string {
  const account = named ?? onlyTenant(call);
  if (account !== undefined) return account;
  throw new RpcFault(RPC_CODES.invalid_params, "invalid_params: tenant_id is required");
}

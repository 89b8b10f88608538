/**
 * The one way into the admin methods: known, granted, well formed, on record.
 *
 * @module
 */
import type { z } from "zod";
import { type Clock, CodedError, messageOf, RPC_CODES, RpcFault } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import { currentTraceparent, inSpan } from "../flow/trace.ts";
import { ConfigError } from "../settings/config_error.ts";
import { at } from "../settings/schema_problems.ts";
import {
  type AdminMethod,
  type Call,
  type Caller,
  notGranted,
  onlyTenant,
  OPERATOR_CAPABILITY,
  sees,
} from "./method.ts";

/** A call as the audit log keeps it. */
export interface AuditedCall {
  readonly caller: Caller;
  readonly method: string;
  readonly capability: string;
  readonly params: unknown;
  /** The one tenant the grant is for, else the one it acts on, if the caller may see that. */
  readonly account: string | null;
}

/** How an audited call ended. */
export interface AuditedEnd {
  readonly result: "ok" | "error" | "denied";
  readonly errorCode: number | null;
  readonly durationMs: number;
}

/** The audit log: an intent on disk before the act, an outcome after. */
export interface AdminAudit {
  /** Resolves with the intent's id once it is on disk. */
  readonly intent: (call: AuditedCall) => Promise<string>;
  readonly outcome: (intentId: string, call: AuditedCall, end: AuditedEnd) => Promise<void>;
}

/** What the dispatcher needs. */
export interface DispatcherDeps {
  readonly methods: readonly AdminMethod[];
  readonly audit: AdminAudit;
  /** The variable that has switched a method off. @default nothing is off */
  readonly switchedOffBy?: (method: string) => string | undefined;
  /** Whether a tenant is declared, for the audit. @default none is */
  readonly isTenant?: (account: string) => boolean;
  /** The tenant of a scope somebody wrote, for the audit. @default it is not known */
  readonly tenantOfScope?: (scope: unknown) => string | undefined;
  readonly now: Clock;
  readonly log: Log;
}

/** Runs a method for a caller. @throws {RpcFault} with the codes and texts of the wire */
export type Dispatch = (
  caller: Caller,
  method: string,
  params: unknown,
  options?: { signal?: AbortSignal | undefined },
) => Promise<unknown>;

/** Returns the dispatcher over a table of methods. */
export function createDispatcher(deps: DispatcherDeps): Dispatch {
  const { methods, audit, now, log } = deps;
  const table = new Map(methods.map((entry) => [entry.method, entry]));

  return async function dispatch(caller, name, params, { signal } = {}) {
    const entry = table.get(name);
    const tenants = entry === undefined ? undefined : grantOf(caller, entry.capability);
    const call: AuditedCall = {
      caller,
      method: name,
      capability: entry?.capability ?? "(unknown_method)",
      params,
      account: await accountOf(entry, params, tenants, deps),
    };
    const quiet = entry?.unaudited === true && tenants !== undefined;
    const intentId = quiet ? undefined : await audit.intent(call);
    const startedAtMs = now();
    const end = async (result: AuditedEnd["result"], errorCode: number | null): Promise<void> => {
      if (intentId === undefined) return;
      await audit.outcome(intentId, call, { result, errorCode, durationMs: now() - startedAtMs });
    };
    try {
      const off = deps.switchedOffBy?.(name);
      if (off !== undefined) throw notFound(`domain disabled by \`${off}\``);
      const result = await run(entry, name, params, { caller, tenants, signal });
      await end("ok", null);
      return result;
    } catch (error) {
      const fault = faultOf(error);
      if (!(error instanceof CodedError) && !(error instanceof RpcFault)) {
        log.error("admin.failed", { method: name, error: messageOf(error) });
      }
      await end(fault.code === RPC_CODES.capability_not_granted ? "denied" : "error", fault.code);
      throw fault;
    }
  };
}

async function run(
  entry: AdminMethod | undefined,
  name: string,
  params: unknown,
  { caller, tenants, signal }: Pick<Call, "caller" | "signal"> & {
    tenants: Call["tenants"] | undefined;
  },
): Promise<unknown> {
  if (entry === undefined) throw notFound(`no admin handler registered for \`${name}\``);
  const { capability } = entry;
  if (tenants === undefined) throw notGranted({ caller, capability, method: name });
  const parsed = entry.params.safeParse(params ?? {});
  if (!parsed.success) {
    const text = textOf(parsed.error, params ?? {});
    throw new RpcFault(RPC_CODES.invalid_params, `invalid_params: ${text}`);
  }
  const act = (): Promise<unknown> =>
    entry.handle(parsed.data, { caller, tenants, signal, method: name, capability });
  // Within a trace it is a step of it; by itself it begins none.
  if (currentTraceparent() === undefined) return act();
  const attributes = { "rpc.system": "jsonrpc", "rpc.method": name };
  return inSpan(`admin ${name}`, { kind: "server", attributes }, act);
}

function notFound(detail: string): RpcFault {
  return new RpcFault(RPC_CODES.method_not_found, `method_not_found: ${detail}`);
}

/** The first thing wrong, with its place; what a schema of ours says itself stands as it is. */
function textOf({ issues: [issue] }: z.ZodError, params: unknown): string {
  if (issue === undefined) return "";
  if (issue.code === "custom" || issue.path.length === 0) return issue.message;
  const isMissing = at(params, issue.path as (string | number)[]) === undefined;
  return `${issue.path.join(".")}: ${isMissing ? "is required" : issue.message}`;
}

/** Which tenants a caller may use a capability for; undefined when it may not at all. */
function grantOf(caller: Caller, capability: string): Call["tenants"] | undefined {
  if (caller.kind === "operator") return "all";
  return capability === OPERATOR_CAPABILITY ? undefined : caller.grant(capability);
}

type AccountDeps = Pick<DispatcherDeps, "isTenant" | "tenantOfScope" | "log">;

async function accountOf(
  entry: AdminMethod | undefined,
  params: unknown,
  tenants: Call["tenants"] | undefined,
  deps: AccountDeps,
): Promise<string | null> {
  if (entry === undefined || tenants === undefined) return null;
  const pinned = onlyTenant({ tenants });
  if (pinned !== undefined) return pinned;
  const account = namedAccount(params, deps) ?? await actedOn(entry, params, deps);
  return account !== undefined && sees({ tenants }, account) ? account : null;
}

/** The declared tenant that the params name. */
function namedAccount(
  params: unknown,
  { isTenant = () => false, tenantOfScope }: AccountDeps,
): string | undefined {
  const { tenant_id, account, scope } = (params ?? {}) as Readonly<Record<string, unknown>>;
  const named = tenant_id ?? account ??
    (scope === undefined ? undefined : tenantOfScope?.(scope));
  return typeof named === "string" && isTenant(named) ? named : undefined;
}

/** The tenant that the method itself knows; none when there is nothing for it to act on. */
async function actedOn(
  { method, params: schema, accountOf: find }: AdminMethod,
  params: unknown,
  { log }: AccountDeps,
): Promise<string | undefined> {
  if (find === undefined) return undefined;
  const parsed = schema.safeParse(params ?? {});
  if (!parsed.success) return undefined;
  try {
    return await find(parsed.data);
  } catch (error) {
    if (!(error instanceof CodedError) && !(error instanceof RpcFault)) {
      log.error("admin.account_unknown", { method, error: messageOf(error) });
    }
    return undefined;
  }
}

function faultOf(error: unknown): RpcFault {
  if (error instanceof RpcFault) return error;
  if (!(error instanceof CodedError)) {
    return new RpcFault(RPC_CODES.internal, "internal: see the log");
  }
  if (error instanceof ConfigError) return configFault(error);
  const data = { code: error.code };
  if (error.code === "invalid_params" || error.code === "usage") {
    return new RpcFault(RPC_CODES.invalid_params, `invalid_params: ${error.message}`, data);
  }
  const prefix = error.code === "not_found" ? "internal: not_found: " : "internal: ";
  return new RpcFault(RPC_CODES.internal, `${prefix}${error.message}`, data);
}

/** A bad config with all its problems, for whoever asked to show them as a check does. */
function configFault({ code, message, configDir, problems, refused }: ConfigError): RpcFault {
  const data = { code, config_dir: configDir, problems };
  return refused
    ? new RpcFault(RPC_CODES.invalid_params, `invalid_params: ${message}`, data)
    : new RpcFault(RPC_CODES.internal, `internal: ${message}`, data);
}

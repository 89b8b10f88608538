/**
 * The one way into the admin methods: known, granted, well formed, on record.
 *
 * @module
 */
import { type Clock, CodedError, messageOf, RPC_CODES, RpcFault } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import { type AdminMethod, type Call, type Caller, OPERATOR_CAPABILITY } from "./method.ts";

/** A call as the audit log keeps it. */
export interface AuditedCall {
  readonly caller: Caller;
  readonly method: string;
  readonly capability: string;
  readonly params: unknown;
  /** The tenant the grant is pinned to, when it is one; never the caller's word. */
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
export function createDispatcher({ methods, audit, now, log }: DispatcherDeps): Dispatch {
  const table = new Map(methods.map((entry) => [entry.method, entry]));

  return async function dispatch(caller, name, params, { signal } = {}) {
    const entry = table.get(name);
    const tenants = entry === undefined ? undefined : grantOf(caller, entry.capability);
    const call: AuditedCall = {
      caller,
      method: name,
      capability: entry?.capability ?? "(unknown_method)",
      params,
      account: pinnedAccount(tenants),
    };
    const quiet = entry?.unaudited === true && tenants !== undefined;
    const intentId = quiet ? undefined : await audit.intent(call);
    const startedAtMs = now();
    const end = async (result: AuditedEnd["result"], errorCode: number | null): Promise<void> => {
      if (intentId === undefined) return;
      await audit.outcome(intentId, call, { result, errorCode, durationMs: now() - startedAtMs });
    };
    try {
      const result = await run(entry, name, params, { caller, tenants, signal });
      await end("ok", null);
      return result;
    } catch (error) {
      const fault = faultOf(error);
      if (fault.code === RPC_CODES.internal && !(error instanceof CodedError)) {
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
  { caller, tenants, signal }: Omit<Call, "tenants"> & { tenants: Call["tenants"] | undefined },
): Promise<unknown> {
  if (entry === undefined) {
    throw new RpcFault(
      RPC_CODES.method_not_found,
      `method_not_found: no admin handler registered for \`${name}\``,
    );
  }
  if (tenants === undefined) {
    const { capability } = entry;
    throw new RpcFault(
      RPC_CODES.capability_not_granted,
      `capability_not_granted: ${capability} for method ${name}`,
      { capability, microapp_id: caller.kind === "microapp" ? caller.id : null, method: name },
    );
  }
  const parsed = entry.params.safeParse(params ?? {});
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const at = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
    throw new RpcFault(RPC_CODES.invalid_params, `invalid_params: ${at}${issue?.message ?? ""}`);
  }
  return entry.handle(parsed.data, { caller, tenants, signal });
}

/** Which tenants a caller may use a capability for; undefined when it may not at all. */
function grantOf(caller: Caller, capability: string): Call["tenants"] | undefined {
  if (caller.kind === "operator") return "all";
  return capability === OPERATOR_CAPABILITY ? undefined : caller.grant(capability);
}

function pinnedAccount(tenants: Call["tenants"] | undefined): string | null {
  return tenants !== undefined && tenants !== "all" && tenants.length === 1
    ? tenants[0] ?? null
    : null;
}

function faultOf(error: unknown): RpcFault {
  if (error instanceof RpcFault) return error;
  if (!(error instanceof CodedError)) {
    return new RpcFault(RPC_CODES.internal, "internal: see the log");
  }
  const data = { code: error.code };
  if (error.code === "invalid_params" || error.code === "usage") {
    return new RpcFault(RPC_CODES.invalid_params, `invalid_params: ${error.message}`, data);
  }
  const prefix = error.code === "not_found" ? "internal: not_found: " : "internal: ";
  return new RpcFault(RPC_CODES.internal, `${prefix}${error.message}`, data);
}

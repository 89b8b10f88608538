/**
 * For whom a call is made, and what it may use.
 *
 * @module
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  AccountId,
  BindingContext,
  DEFAULT_ACCOUNT,
  InboundMessageMeta,
  Uuid,
} from "../../core/contract/mod.ts";
import type { Admin } from "./admin.ts";
import type { Log } from "./log.ts";

/** What every handler is given. */
export interface CallContext {
  /** The tenant. Keep everything you store apart by it. */
  readonly accountId: AccountId;
  readonly agentId: string;
  readonly sessionId: string | null;
  /** The same when core tries the same step again: do a thing with the same id only once. */
  readonly callId: string | null;
  /** Agent and channel, when core tells. */
  readonly binding: BindingContext | null;
  /** The message that led here, when there is one. */
  readonly inbound: InboundMessageMeta | null;
  /** Where this microapp may keep files. */
  readonly stateDir: string;
  /** Makes and gives `<stateDir>/tenants/<accountId>`. */
  readonly openTenantDir: () => Promise<string>;
  /** `entries.<id>.config` of `extensions.yaml`. */
  readonly config: unknown;
  /** `extensions_config` of the agent in `agents.yaml`. */
  readonly agentConfig: unknown;
  readonly log: Log;
  readonly admin: Admin;
  /** Aborts when the microapp is to stop. */
  readonly signal: AbortSignal;
}

/** What does not change from call to call. */
export type Surroundings =
  & Pick<CallContext, "stateDir" | "config" | "log" | "admin" | "signal">
  & { readonly agentsConfig: Readonly<Record<string, unknown>> };

/** Whether `value` is a JSON object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Reads `_meta`. A part that cannot be read counts as absent.
 *
 * @throws {RangeError} when the tenant's name is none, since it becomes part of paths
 */
export function readContext(meta: unknown, around: Surroundings): CallContext {
  const flat = isObject(meta) ? meta : {};
  const nexo = isObject(flat["nexo"]) ? flat["nexo"] : {};
  const binding = BindingContext.safeParse(nexo["binding"]).data ?? null;
  const account = binding?.tenant_id ?? binding?.account_id ?? DEFAULT_ACCOUNT;
  const accountId = AccountId.safeParse(account);
  if (!accountId.success) throw new RangeError(`Cannot work for account "${account}": not a name`);
  const agentId = typeof flat["agent_id"] === "string" ? flat["agent_id"] : "unknown";
  const { agentsConfig, ...rest } = around;
  return {
    ...rest,
    accountId: accountId.data,
    agentId,
    // Few handlers look at these two, so they are read when asked for.
    get sessionId() {
      return Uuid.safeParse(flat["session_id"]).data ?? null;
    },
    get inbound() {
      return InboundMessageMeta.safeParse(nexo["inbound"]).data ?? null;
    },
    callId: typeof nexo["call_id"] === "string" ? nexo["call_id"] : null,
    binding,
    agentConfig: agentsConfig[agentId],
    async openTenantDir() {
      const dir = join(around.stateDir, "tenants", accountId.data);
      await mkdir(dir, { recursive: true, mode: 0o700 });
      return dir;
    },
  };
}

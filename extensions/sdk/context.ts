/**
 * What a microapp's own code is given: at any time, and for one call.
 *
 * @module
 */
import {
  type AccountId,
  BindingContext,
  DEFAULT_ACCOUNT,
  InboundMessageMeta,
  Uuid,
} from "../../core/contract/mod.ts";
import type { Admin } from "./admin.ts";
import type { OpenEventStream } from "./events.ts";
import { isObject } from "./json.ts";
import type { Log } from "./log.ts";
import { type CallOutbound, createCallOutbound, type Outbound } from "./outbound.ts";
import { openTenantDir, parseAccountId } from "./state_dir.ts";
import type { ConversationScope, Takeover } from "./takeover.ts";

/** What a microapp may use at any time. */
export interface AppContext<Config = unknown> extends Outbound {
  /** `entries.<id>.config` of `extensions.yaml`, as the microapp's own schema reads it. */
  readonly config: Config;
  /** Everything core said in `initialize`. */
  readonly handshake: Readonly<Record<string, unknown>>;
  /** Where this microapp may keep files. */
  readonly stateDir: string;
  /** Makes and gives `<stateDir>/tenants/<accountId>`. @throws {RangeError} when that is no name */
  readonly openTenantDir: (accountId: string) => Promise<string>;
  readonly log: Log;
  readonly admin: Admin;
  /** What happens in conversations, as it happens. */
  readonly events: OpenEventStream;
  /** The steps by which a person takes a conversation over. */
  readonly takeover: (conversation: ConversationScope) => Takeover;
  /** The operators' token, the newest that core has told. */
  readonly operatorToken: () => string | undefined;
  /** Listens to a notification until the returned function is called. */
  readonly on: (method: string, listener: (params: unknown) => void | Promise<void>) => () => void;
  /** Aborts when the microapp is to stop. */
  readonly signal: AbortSignal;
}

/** What a tool or hook is given: for whom it works, and what it may use. */
export interface CallContext<Config = unknown>
  extends Omit<AppContext<Config>, "dispatch" | "publish" | "openTenantDir">, CallOutbound {
  /** The tenant. Keep everything you store apart by it. */
  readonly accountId: AccountId;
  readonly agentId: string;
  readonly sessionId: string | null;
  /** The same when core tries the same step again: do a thing with the same id only once. */
  readonly callId: string | null;
  /** Agent, channel and instance, when core tells. */
  readonly binding: BindingContext | null;
  /** The message that led here, when there is one. */
  readonly inbound: InboundMessageMeta | null;
  /** `extensions_config` of the agent in `agents.yaml`. */
  readonly agentConfig: unknown;
  /** Makes and gives the directory of the call's tenant. */
  readonly openTenantDir: () => Promise<string>;
}

/** What calls are made with, beside what core says of each. */
export interface Surroundings {
  readonly app: AppContext;
  /** `extensions_config` by agent. */
  readonly agentsConfig: Readonly<Record<string, unknown>>;
}

/**
 * Reads `_meta`. A part that cannot be read counts as absent.
 *
 * @throws {RangeError} when the tenant's name is none, since it becomes part of paths
 */
export function readContext(meta: unknown, { app, agentsConfig }: Surroundings): CallContext {
  const flat = isObject(meta) ? meta : {};
  const nexo = isObject(flat["nexo"]) ? flat["nexo"] : {};
  const binding = BindingContext.safeParse(nexo["binding"]).data ?? null;
  const accountId = parseAccountId(binding?.tenant_id ?? binding?.account_id ?? DEFAULT_ACCOUNT);
  const agentId = typeof flat["agent_id"] === "string" ? flat["agent_id"] : "unknown";
  const callId = typeof nexo["call_id"] === "string" ? nexo["call_id"] : null;
  return {
    ...app,
    ...createCallOutbound(app, { accountId, callId }),
    accountId,
    agentId,
    // Few handlers look at these two, so they are read when asked for.
    get sessionId() {
      return Uuid.safeParse(flat["session_id"]).data ?? null;
    },
    get inbound() {
      return InboundMessageMeta.safeParse(nexo["inbound"]).data ?? null;
    },
    callId,
    binding,
    agentConfig: agentsConfig[agentId],
    openTenantDir: () => openTenantDir(app.stateDir, accountId),
  };
}

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
import { type Admin, adminWithin } from "./admin.ts";
import type { OpenEventStream } from "./events.ts";
import { isObject, type JsonObject } from "./json.ts";
import type { Log } from "./log.ts";
import { type CallOutbound, createCallOutbound, type Outbound } from "./outbound.ts";
import { openTenantDir, parseAccountId } from "./state_dir.ts";
import { type ConversationScope, createTakeover, type Takeover } from "./takeover.ts";

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
  /** Core's span of the call, as W3C Trace Context has it; null unless core traces. */
  readonly traceparent: string | null;
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
  return new CallsOwn(isObject(meta) ? meta : {}, app, agentsConfig);
}

/** One is made for each call, so what few handlers look at is made when they do. */
class CallsOwn implements CallContext {
  readonly config: unknown;
  readonly handshake: AppContext["handshake"];
  readonly stateDir: string;
  readonly log: Log;
  readonly admin: Admin;
  readonly events: OpenEventStream;
  readonly takeover: AppContext["takeover"];
  readonly operatorToken: AppContext["operatorToken"];
  readonly on: AppContext["on"];
  readonly signal: AbortSignal;
  readonly accountId: AccountId;
  readonly agentId: string;
  readonly callId: string | null;
  readonly traceparent: string | null;
  readonly binding: BindingContext | null;
  readonly agentConfig: unknown;
  readonly #app: Outbound;
  readonly #sessionId: unknown;
  readonly #inbound: unknown;
  #outbound: CallOutbound | undefined;

  constructor(meta: JsonObject, app: AppContext, agentsConfig: Surroundings["agentsConfig"]) {
    const nexo = isObject(meta["nexo"]) ? meta["nexo"] : {};
    const binding = BindingContext.safeParse(nexo["binding"]).data ?? null;
    this.config = app.config;
    this.handshake = app.handshake;
    this.stateDir = app.stateDir;
    this.log = app.log;
    this.events = app.events;
    this.operatorToken = app.operatorToken;
    this.on = app.on;
    this.signal = app.signal;
    this.accountId = parseAccountId(
      binding?.tenant_id ?? binding?.account_id ?? DEFAULT_ACCOUNT,
    );
    this.agentId = typeof meta["agent_id"] === "string" ? meta["agent_id"] : "unknown";
    this.callId = typeof nexo["call_id"] === "string" ? nexo["call_id"] : null;
    this.traceparent = typeof meta["traceparent"] === "string" ? meta["traceparent"] : null;
    this.admin = this.traceparent === null ? app.admin : adminWithin(app.admin, this.traceparent);
    this.takeover = this.traceparent === null
      ? app.takeover
      : (conversation) => createTakeover(this.admin, conversation);
    this.binding = binding;
    this.agentConfig = agentsConfig[this.agentId];
    this.#app = app;
    this.#sessionId = meta["session_id"];
    this.#inbound = nexo["inbound"];
  }

  get sessionId(): string | null {
    return Uuid.safeParse(this.#sessionId).data ?? null;
  }

  get inbound(): InboundMessageMeta | null {
    return InboundMessageMeta.safeParse(this.#inbound).data ?? null;
  }

  get dispatch(): CallOutbound["dispatch"] {
    return this.#sending().dispatch;
  }

  get publish(): CallOutbound["publish"] {
    return this.#sending().publish;
  }

  get openTenantDir(): () => Promise<string> {
    return () => openTenantDir(this.stateDir, this.accountId);
  }

  /** One for the whole call: it numbers what is sent. */
  #sending(): CallOutbound {
    return this.#outbound ??= createCallOutbound(this.#app, this);
  }
}

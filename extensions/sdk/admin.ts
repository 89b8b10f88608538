/**
 * Calls from a microapp to core.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import {
  type AdminMethodName,
  type AdminMethods,
  RPC_CODES,
  type RpcError,
  type RpcFrame,
} from "../../core/contract/mod.ts";
import { isObject } from "./json.ts";

/** Why an admin call failed. */
export type AdminErrorKind =
  | "capability_not_granted"
  | "invalid_params"
  | "not_found"
  | "internal"
  | "transport";

/** A failed admin call. */
export class AdminError extends Error {
  override readonly name = "AdminError";
  readonly kind: AdminErrorKind;
  /** The JSON-RPC code, or null when there was no answer. */
  readonly code: number | null;
  /** The `data` member of the answer. */
  readonly data: unknown;

  constructor(kind: AdminErrorKind, message: string, code: number | null = null, data?: unknown) {
    super(message);
    this.kind = kind;
    this.code = code;
    this.data = data;
  }
}

/** How one call is made. */
export interface AdminCallOptions {
  /** @default {30_000} */
  readonly timeoutMs?: number;
  /** Core's span of the call to the microapp during which it asks. @default in handlers their own */
  readonly traceparent?: string;
}

type ShortName<M> = M extends `nexo/admin/${infer Name}` ? Name : never;
/** What follows `nexo/admin/` in the name of a method that core's contract knows. */
export type ShortMethod = ShortName<AdminMethodName>;
/** A method that core's contract knows, by its full or short name. */
export type KnownMethod = AdminMethodName | ShortMethod;
type FullName<M> = M extends AdminMethodName ? M
  : `nexo/admin/${M & string}` extends infer Full extends AdminMethodName ? Full
  : never;

/** What a method takes; anything for one this SDK does not know. */
export type ParamsOf<M> = [FullName<M>] extends [never] ? unknown
  : AdminMethods[FullName<M>]["params"];
/** What a method answers. */
export type ResultOf<M> = [FullName<M>] extends [never] ? unknown
  : AdminMethods[FullName<M>]["result"];
type CallArguments<P> = Record<never, never> extends P
  ? [params?: P | undefined, options?: AdminCallOptions]
  : [params: P, options?: AdminCallOptions];

/** Core's admin methods; each needs a capability that the operator grants. */
export interface Admin {
  /**
   * Calls a method and gives its result. A name without `nexo/` is short for `nexo/admin/<name>`.
   * Other calls to the microapp go on while it waits.
   *
   * @throws {AdminError}
   */
  call<M extends KnownMethod | (string & Record<never, never>)>(
    method: M,
    ...rest: CallArguments<ParamsOf<M>>
  ): Promise<ResultOf<M>>;
}

const KINDS: Readonly<Record<number, AdminErrorKind>> = {
  [RPC_CODES.capability_not_granted]: "capability_not_granted",
  [RPC_CODES.invalid_params]: "invalid_params",
  [RPC_CODES.method_not_found]: "not_found",
};

/** Methods that say which operator acts. */
const STAMPED: ReadonlySet<string> = new Set([
  "nexo/admin/processing/pause",
  "nexo/admin/processing/resume",
  "nexo/admin/processing/intervention",
  "nexo/admin/escalations/resolve",
]);

/** The client behind {@linkcode Admin}. */
export interface AdminClient extends Admin {
  /** Calls by any name, for parts of this SDK that know the shapes themselves. */
  request(method: string, params: unknown, options?: AdminCallOptions): Promise<unknown>;
  /** Takes an answer; false when its id is none of ours. */
  receive(frame: Extract<RpcFrame, { type: "result" | "error" }>): boolean;
  /** Where requests go; null while there is no connection, and open calls fail. */
  connect(send: ((frame: RpcFrame) => void) | null): void;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: AdminError) => void;
}

/** Builds a client that is not connected yet. `operatorHash` says in whose name operators' acts are done. */
export function createAdminClient(
  { operatorHash }: { readonly operatorHash: () => string | undefined },
): AdminClient {
  const pending = new Map<string, Pending>();
  let send: ((frame: RpcFrame) => void) | null = null;

  const traced = (params: unknown, traceparent: string | undefined): unknown =>
    traceparent !== undefined && isObject(params) ? { ...params, _meta: { traceparent } } : params;

  function stamped(method: string, params: unknown): unknown {
    const hash = STAMPED.has(method) ? operatorHash() : undefined;
    return hash !== undefined && isObject(params)
      ? { ...params, operator_token_hash: hash }
      : params;
  }

  function request(
    method: string,
    params: unknown = {},
    { timeoutMs = 30_000, traceparent }: AdminCallOptions = {},
  ): Promise<unknown> {
    const full = method.startsWith("nexo/") ? method : `nexo/admin/${method}`;
    return new Promise((resolve, reject) => {
      if (send === null) {
        return reject(new AdminError("transport", `Cannot call "${full}": not connected to core`));
      }
      const id = `app:${randomUUID()}`;
      const timer = setTimeout(() => {
        pending.delete(id);
        const state = `no answer in ${timeoutMs} ms`;
        reject(new AdminError("transport", `Cannot call "${full}": ${state}`));
      }, timeoutMs);
      pending.set(id, {
        resolve: (result) => (clearTimeout(timer), resolve(result)),
        reject: (error) => (clearTimeout(timer), reject(error)),
      });
      const asked = traced(stamped(full, params), traceparent);
      send({ type: "request", id, method: full, params: asked });
    });
  }

  return {
    request,
    call: (method, ...[params, options]) =>
      request(method, params, options) as Promise<ResultOf<typeof method>>,
    receive(frame) {
      if (typeof frame.id !== "string") return false;
      const call = pending.get(frame.id);
      if (call === undefined) return false;
      pending.delete(frame.id);
      if (frame.type === "result") call.resolve(frame.result);
      else call.reject(adminErrorOf(frame.error));
      return true;
    },
    connect(next) {
      send = next;
      if (next !== null) return;
      const gone = new AdminError(
        "transport",
        "Cannot finish the call: the connection to core closed",
      );
      for (const { reject } of pending.values()) reject(gone);
      pending.clear();
    },
  };
}

/** `admin` for what is asked during a call of core whose span is `traceparent`. */
export function adminWithin(admin: Admin, traceparent: string): Admin {
  return {
    call: (method, ...[params, options]) =>
      admin.call<string>(method, params, { traceparent, ...options }) as Promise<
        ResultOf<typeof method>
      >,
  };
}

function adminErrorOf({ code, message, data }: RpcError): AdminError {
  const kind = KINDS[code] ?? (message.includes("not_found") ? "not_found" : "internal");
  return new AdminError(kind, message, code, data);
}

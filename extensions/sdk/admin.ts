/**
 * Calls from a microapp to core.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { RPC_CODES, type RpcError, type RpcFrame } from "../../core/contract/mod.ts";

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

/** Core's admin methods; each needs a capability that the operator grants. */
export interface Admin {
  /**
   * Calls a method and gives its result. A name without `nexo/` is short for `nexo/admin/<name>`.
   *
   * @throws {AdminError}
   */
  call(method: string, params?: unknown, options?: { timeoutMs?: number }): Promise<unknown>;
}

const KINDS: Readonly<Record<number, AdminErrorKind>> = {
  [RPC_CODES.capability_not_granted]: "capability_not_granted",
  [RPC_CODES.invalid_params]: "invalid_params",
  [RPC_CODES.method_not_found]: "not_found",
};

/** The client behind {@linkcode Admin}. */
export interface AdminClient extends Admin {
  /** Takes an answer; false when its id is none of ours. */
  receive(frame: Extract<RpcFrame, { type: "result" | "error" }>): boolean;
  /** Where requests go; null while there is no connection, and open calls fail. */
  connect(send: ((frame: RpcFrame) => void) | null): void;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: AdminError) => void;
}

/** Builds a client that is not connected yet. */
export function createAdminClient(): AdminClient {
  const pending = new Map<string, Pending>();
  let send: ((frame: RpcFrame) => void) | null = null;

  return {
    call(method, params = {}, { timeoutMs = 30_000 } = {}) {
      const full = method.startsWith("nexo/") ? method : `nexo/admin/${method}`;
      return new Promise((resolve, reject) => {
        if (send === null) {
          return reject(
            new AdminError("transport", `Cannot call "${full}": not connected to core`),
          );
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
        send({ type: "request", id, method: full, params });
      });
    },
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

function adminErrorOf({ code, message, data }: RpcError): AdminError {
  const kind = KINDS[code] ?? (message.includes("not_found") ? "not_found" : "internal");
  return new AdminError(kind, message, code, data);
}

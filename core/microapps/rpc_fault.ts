/**
 * A JSON-RPC error as something to throw.
 *
 * @module
 */
import { RPC_CODES, type RpcError } from "../contract/mod.ts";

/** Thrown by a request handler to choose the error reply, and by a call that got one. */
export class RpcFault extends Error {
  override readonly name = "RpcFault";
  /** The numeric JSON-RPC code. */
  readonly code: number;
  /** The `data` member, if any. */
  readonly data: unknown;

  constructor(code: number, message: string, data?: unknown, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.data = data;
  }
}

/** The `error` member for whatever a handler threw; foreign errors become −32603. */
export function rpcErrorOf(error: unknown): RpcError {
  if (error instanceof RpcFault) {
    const { code, message, data } = error;
    return data === undefined ? { code, message } : { code, message, data };
  }
  const text = error instanceof Error ? error.message : String(error);
  return { code: RPC_CODES.internal, message: `internal: ${text}` };
}

/** `data.code`, the symbolic name beside the number, if the error carries one. */
export function symbolOf(error: { readonly data?: unknown }): string | undefined {
  const data = error.data;
  if (typeof data !== "object" || data === null || !("code" in data)) return undefined;
  return typeof data.code === "string" ? data.code : undefined;
}

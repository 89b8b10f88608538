/**
 * What a thrown value is as the error of a reply, and back.
 *
 * @module
 */
import { RPC_CODES, type RpcError, RpcFault } from "../contract/mod.ts";

/** The `error` member for whatever a handler threw; foreign errors become −32603. */
export function rpcErrorOf(error: unknown): RpcError {
  if (error instanceof RpcFault) return error.toError();
  const text = error instanceof Error ? error.message : String(error);
  return { code: RPC_CODES.internal, message: `internal: ${text}` };
}

/** `data.code`, the symbolic name beside the number, if the error carries one. */
export function symbolOf(error: { readonly data?: unknown }): string | undefined {
  const data = error.data;
  if (typeof data !== "object" || data === null || !("code" in data)) return undefined;
  return typeof data.code === "string" ? data.code : undefined;
}

/**
 * What a tool call came to.
 *
 * @module
 */
import { CodedError, RPC_CODES, RpcFault } from "../contract/mod.ts";
import { isObject } from "./json.ts";
import { symbolOf } from "./rpc_fault.ts";

/** A microapp's answer to a tool call. `text` is what the model gets to read. */
export type ToolResult =
  | { readonly ok: true; readonly value: unknown; readonly text: string }
  | {
    readonly ok: false;
    /** The microapp's own words. */
    readonly message: string;
    readonly text: string;
    /** The JSON-RPC code; absent for an `{error}` result. */
    readonly rpcCode?: number;
    /** The symbolic code beside it, such as `invalid_arguments`. */
    readonly symbol?: string;
  };

/** The name of a tool, for messages. */
export interface ToolPlace {
  readonly microappId: string;
  /** The microapp's own name of the tool. */
  readonly ownName: string;
}

function failed(place: ToolPlace, message: string, why: string) {
  const { microappId, ownName } = place;
  const text = cutText(`error: extension \`${microappId}\` tool \`${ownName}\` failed: ${why}`);
  return { ok: false as const, message, text };
}

/** Reads a `tools/call` result: strings stay, everything else becomes JSON. */
export function readToolResult(place: ToolPlace, result: unknown): ToolResult {
  if (isObject(result) && Object.keys(result).length === 1) {
    const { error, output } = result as { error?: unknown; output?: unknown };
    if (typeof error === "string") return failed(place, error, error);
    if (output !== undefined) return readToolValue(output);
  }
  return readToolValue(result);
}

function readToolValue(value: unknown): ToolResult {
  const text = cutText(typeof value === "string" ? value : JSON.stringify(value) ?? "null");
  return { ok: true, value, text };
}

/** Longer results are cut: no model could read them. */
const MAX_CHARS = 1024 * 1024;

/** A result as far as a model is shown it. */
export function cutText(text: string): string {
  const left = text.length - MAX_CHARS;
  return left <= 0 ? text : `${text.slice(0, MAX_CHARS)}\n[${left} more characters were left out]`;
}

/** The answer in an error reply. */
export function readToolFault(place: ToolPlace, fault: RpcFault): ToolResult {
  const symbol = symbolOf(fault);
  return {
    ...failed(place, fault.message, `rpc error: code ${fault.code}: ${fault.message}`),
    rpcCode: fault.code,
    ...(symbol === undefined ? {} : { symbol }),
  };
}

/** Whether a failed call says something about the microapp's health, and not about the question. */
export function isFault(error: unknown): boolean {
  if (error instanceof RpcFault) {
    return error.code === RPC_CODES.internal ||
      (error.code === RPC_CODES.tool_failed && symbolOf(error) === "internal");
  }
  return error instanceof CodedError &&
    (error.code === "microapp_timeout" || error.code === "microapp_exited");
}

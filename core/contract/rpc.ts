/**
 * JSON-RPC 2.0, one object per line: the frames between core and a microapp.
 *
 * @module
 */
import { z } from "zod";
import { CodedError } from "./errors.ts";

/** The codes that mean something on this wire. */
export const RPC_CODES = {
  parse_error: -32700,
  invalid_request: -32600,
  method_not_found: -32601,
  invalid_params: -32602,
  internal: -32603,
  tool_failed: -32000,
  capability_not_granted: -32004,
} as const;

/** The `error` member of a response. */
export const RpcError = z.looseObject({
  code: z.int(),
  message: z.string(),
  data: z.unknown().optional(),
});
/** See {@linkcode RpcError}. */
export type RpcError = z.infer<typeof RpcError>;

/** A failure that crosses the wire as it is. */
export class RpcFault extends Error {
  override readonly name = "RpcFault";
  /** One of {@linkcode RPC_CODES}, or the other side's own. */
  readonly code: number;
  /** Symbolic details, for programs. */
  readonly data: unknown;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }

  /** The `error` member of a response. */
  toError(): RpcError {
    const { code, message, data } = this;
    return data === undefined ? { code, message } : { code, message, data };
  }
}

/** A frame's `id`. */
export type RpcId = string | number | null;

/** A line, told apart. `id` is absent on notifications, never null. */
export type RpcFrame =
  | {
    readonly type: "request";
    readonly id: RpcId;
    readonly method: string;
    readonly params: unknown;
  }
  | { readonly type: "notification"; readonly method: string; readonly params: unknown }
  | { readonly type: "result"; readonly id: RpcId; readonly result: unknown }
  | { readonly type: "error"; readonly id: RpcId; readonly error: RpcError };

const looseFrame = z.looseObject({
  id: z.union([z.string(), z.number(), z.null()]).optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z.unknown().optional(),
});

/**
 * Tells one parsed line apart, as tolerant as the wire asks for: `jsonrpc` is not required, extra
 * members pass, `result` wins over `error`, and neither means a null result.
 *
 * @throws {CodedError} `frame_invalid`
 */
export function readFrame(value: unknown): RpcFrame {
  const parsed = looseFrame.safeParse(value);
  if (!parsed.success) {
    throw new CodedError("frame_invalid", "Cannot read frame: not a JSON-RPC object");
  }
  const { id, method, params = null, result, error } = parsed.data;
  if (method !== undefined && method !== "") {
    if (id === undefined || id === null) return { type: "notification", method, params };
    return { type: "request", id, method, params };
  }
  if (id === undefined) {
    throw new CodedError("frame_invalid", "Cannot read frame: neither id nor method");
  }
  if (result !== undefined || error === undefined || error === null) {
    return { type: "result", id, result: result ?? null };
  }
  const readError = RpcError.safeParse(error);
  if (!readError.success) {
    throw new CodedError("frame_invalid", "Cannot read frame: error needs a code and a message");
  }
  return { type: "error", id, error: readError.data };
}

/** One line, newline included. A response carries either `result` or `error`, never both. */
export function writeFrame(frame: RpcFrame): string {
  switch (frame.type) {
    case "request":
      return line({ method: frame.method, params: frame.params, id: frame.id });
    case "notification":
      return line({ method: frame.method, params: frame.params });
    case "result":
      return line({ id: frame.id, result: frame.result ?? null });
    case "error":
      return line({ id: frame.id, error: frame.error });
  }
}

/** Line breaks to some readers (Node's readline is one) that JSON leaves as they are in strings. */
const lineBreak = /[\u2028\u2029]/;
const lineBreaks = /[\u2028\u2029]/g;

function line(members: Record<string, unknown>): string {
  return lineOf({ jsonrpc: "2.0", ...members });
}

/** A value as one line of JSON for any reader, newline included. */
export function lineOf(value: unknown): string {
  const text = JSON.stringify(value);
  if (!lineBreak.test(text)) return `${text}\n`;
  return `${text.replace(lineBreaks, (each) => `\\u${each.charCodeAt(0).toString(16)}`)}\n`;
}

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

/** What a line may hold, before it is known to. */
interface Members {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
}

/**
 * Tells one parsed line apart, as tolerant as the wire asks for: `jsonrpc` is not required, extra
 * members pass, `result` wins over `error`, and neither means a null result.
 *
 * @throws {CodedError} `frame_invalid`
 */
export function readFrame(value: unknown): RpcFrame {
  // By hand and not by a schema: each call's answer comes this way, and a schema copies it.
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(NO_OBJECT);
  const { id, method, params = null, result, error } = value as Members;
  if ((id !== undefined && !isId(id)) || (method !== undefined && typeof method !== "string")) {
    throw invalid(NO_OBJECT);
  }
  if (method !== undefined && method !== "") {
    if (id === undefined || id === null) return { type: "notification", method, params };
    return { type: "request", id, method, params };
  }
  if (id === undefined) throw invalid("neither id nor method");
  if (result !== undefined || error === undefined || error === null) {
    return { type: "result", id, result: result ?? null };
  }
  const readError = RpcError.safeParse(error);
  if (!readError.success) throw invalid("error needs a code and a message");
  return { type: "error", id, error: readError.data };
}

const NO_OBJECT = "not a JSON-RPC object";

function invalid(why: string): CodedError {
  return new CodedError("frame_invalid", `Cannot read frame: ${why}`);
}

function isId(id: unknown): id is RpcId {
  return typeof id === "string" || Number.isFinite(id) || id === null;
}

/** One line, newline included. A response carries either `result` or `error`, never both. */
export function writeFrame(frame: RpcFrame): string {
  const { type } = frame;
  if (type === "request") return writeRequest(frame.method, lineJson(frame.params), frame.id);
  if (type === "notification") {
    return lineOf({ jsonrpc: "2.0", method: frame.method, params: frame.params });
  }
  const { id } = frame;
  return type === "result"
    ? lineOf({ jsonrpc: "2.0", id, result: frame.result ?? null })
    : lineOf({ jsonrpc: "2.0", id, error: frame.error });
}

/** A request as one line, around params of {@linkcode lineJson}; undefined leaves them out. */
export function writeRequest(method: string, params: string | undefined, id: RpcId): string {
  const given = params === undefined ? "" : `,"params":${params}`;
  const number = typeof id === "number" ? id : lineJson(id);
  return `{"jsonrpc":"2.0","method":${lineJson(method)}${given},"id":${number}}\n`;
}

/** A value as one line of JSON for any reader, newline included. */
export function lineOf(value: unknown): string {
  return `${lineJson(value)}\n`;
}

/** Line breaks to some readers (Node's readline is one) that JSON leaves as they are in strings. */
const lineBreaks = /[\u2028\u2029]/g;

/** JSON that no reader takes for several lines; undefined for what has no form in JSON. */
export function lineJson(value: unknown): string | undefined {
  const json = JSON.stringify(value) as string | undefined;
  // Text of one byte a character, as most is, is not even searched.
  if (json === undefined || !(json.includes("\u2028") || json.includes("\u2029"))) return json;
  return json.replace(lineBreaks, (each) => `\\u${each.charCodeAt(0).toString(16)}`);
}

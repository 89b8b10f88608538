/**
 * What a tool throws to say why it will not.
 *
 * @module
 */
import { RPC_CODES, type RpcError } from "../../core/contract/mod.ts";

/** Each kind of tool error: its JSON-RPC code, and how its message starts. */
const KINDS = {
  invalid_arguments: { code: RPC_CODES.invalid_params, says: "invalid arguments" },
  not_implemented: { code: RPC_CODES.method_not_found, says: "not implemented" },
  internal: { code: RPC_CODES.tool_failed, says: "internal" },
  unauthorized: { code: RPC_CODES.tool_failed, says: "unauthorized" },
} as const;

/** Why a tool failed. Only `internal` counts against the health of the microapp. */
export type ToolErrorKind = keyof typeof KINDS;

/** Thrown by a tool; the model reads kind and detail, so leave secrets out. */
export class ToolError extends Error {
  override readonly name = "ToolError";
  readonly kind: ToolErrorKind;

  /** `detail` follows the kind in the message: `invalid arguments: <detail>`. */
  constructor(kind: ToolErrorKind, detail = "", options?: ErrorOptions) {
    const { says } = KINDS[kind];
    super(detail === "" ? says : `${says}: ${detail}`, options);
    this.kind = kind;
  }
}

/** Thrown for a tool or method that does not exist here. */
export class UnknownMethod extends Error {
  override readonly name = "UnknownMethod";
}

/** The `error` member for whatever a handler threw; anything but a {@linkcode ToolError} is internal. */
export function errorReply(error: unknown): RpcError {
  if (error instanceof ToolError) {
    return { code: KINDS[error.kind].code, message: error.message, data: { code: error.kind } };
  }
  if (error instanceof UnknownMethod) {
    const data = { code: "not_implemented" };
    return { code: RPC_CODES.method_not_found, message: error.message, data };
  }
  const detail = error instanceof Error ? error.message : String(error);
  return {
    code: RPC_CODES.tool_failed,
    message: `internal: ${detail}`,
    data: { code: "internal", unhandled: true },
  };
}

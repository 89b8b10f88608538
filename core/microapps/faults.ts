/**
 * What goes wrong with a microapp itself, beside its calls.
 *
 * @module
 */
import { CodedError, codeOf, RpcFault } from "../contract/mod.ts";
import { isObject } from "./json.ts";

/** One fault, for whoever looks after the microapp. */
export interface MicroappFault {
  /** `exit`: its process ended or had to be ended; also when it could not be started. */
  readonly kind: "init_timeout" | "handler_panic" | "exit";
  readonly summary: string;
  /** Its last lines, oldest first. */
  readonly stderr: readonly string[];
}

/** The kind of fault that a failed start or an end is. */
export function faultKind(error: unknown): "init_timeout" | "exit" {
  const cause = error instanceof CodedError ? error.cause : undefined;
  return codeOf(cause) === "microapp_timeout" ? "init_timeout" : "exit";
}

/** Whether an error reply tells of a handler that crashed and was caught. */
export function isPanic(error: unknown): error is RpcFault {
  return error instanceof RpcFault && isObject(error.data) && error.data["unhandled"] === true;
}

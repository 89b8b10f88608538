/**
 * A JSON-RPC request in one HTTP body or bus message, answered by the dispatcher.
 *
 * @module
 */
import { readFrame, RPC_CODES, RpcFault, writeFrame } from "../contract/mod.ts";
import type { Dispatch } from "./dispatcher.ts";
import type { Caller } from "./method.ts";

/** Answers one request; the answer is a JSON-RPC response, whatever went wrong. */
export async function answerRpc(
  body: string,
  caller: Caller,
  { dispatch, signal }: { dispatch: Dispatch; signal?: AbortSignal | undefined },
): Promise<string> {
  let id: string | number | null = null;
  try {
    const frame = parseRequest(body);
    id = frame.id;
    const result = await dispatch(caller, frame.method, frame.params, { signal });
    return writeFrame({ type: "result", id, result });
  } catch (error) {
    const fault = error instanceof RpcFault
      ? error
      : new RpcFault(RPC_CODES.internal, "internal: see the log");
    return writeFrame({ type: "error", id, error: fault.toError() });
  }
}

function parseRequest(body: string) {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new RpcFault(RPC_CODES.parse_error, "parse error: the body is not JSON");
  }
  try {
    const frame = readFrame(value);
    if (frame.type === "request") return frame;
  } catch {
    // Falls through: whatever it is, it is not a request.
  }
  throw new RpcFault(RPC_CODES.invalid_request, "invalid request: id and method are required");
}

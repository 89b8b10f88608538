/**
 * How an answer, or the failure that took its place, looks on any bus.
 *
 * @module
 */
import { CodedError, codeOf, ERROR_CODES, type ErrorCode, messageOf } from "../contract/mod.ts";
import type { Headers, Message } from "./bus.ts";

/** Names the code of a failed request; the message is the data. */
export const ERROR_HEADER = "nexo-error";

/** The answer that carries `error` to whoever asked. */
export function errorReply(error: unknown): { data: Uint8Array; headers: Headers } {
  return {
    data: new TextEncoder().encode(messageOf(error)),
    headers: { [ERROR_HEADER]: codeOf(error) },
  };
}

/**
 * The answer itself.
 *
 * @throws {CodedError} the failure it carries; a code this build does not know reads as `internal`
 */
export function readReply(message: Message): Message {
  const code = message.headers[ERROR_HEADER];
  if (code === undefined) return message;
  throw new CodedError(
    isErrorCode(code) ? code : "internal",
    new TextDecoder().decode(message.data),
  );
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}

/** `headers` as every driver hands them on: names in lower case. */
export function lowerHeaders(headers: Headers | undefined): Headers {
  if (headers === undefined) return NO_HEADERS;
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

const NO_HEADERS: Headers = Object.freeze({});

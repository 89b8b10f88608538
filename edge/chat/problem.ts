/**
 * What goes wrong on the way to a conversation, as its visitor may know it.
 *
 * @module
 */
import { codeOf, ERROR_CODES } from "../../core/contract/mod.ts";
import type { Log } from "../../core/flow/log.ts";
import { type Problem, statusOf } from "../reply.ts";

/** A refusal of the edge's own, to be told as it is. */
export class ChatProblem extends Error implements Problem {
  /** Always `ChatProblem`. */
  override readonly name = "ChatProblem";
  readonly status: number;
  readonly code: string;
  readonly retryAfterSecs: number | undefined;

  constructor(status: number, code: string, message: string, retryAfterSecs?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterSecs = retryAfterSecs;
  }
}

/** How soon what failed for a reason that passes is worth another try, in seconds. */
const RETRY_SECS = 5;

/** What to tell of any failure; of one that is core's no more than what its code says. */
export function problemOf(error: unknown, requestId: string, log: Log): Problem {
  if (error instanceof ChatProblem) return error;
  const code = codeOf(error);
  log.warn("chat.failed", { requestId, code });
  const { says, retry } = ERROR_CODES[code];
  return {
    status: statusOf(code),
    code,
    message: says,
    retryAfterSecs: retry ? RETRY_SECS : undefined,
  };
}

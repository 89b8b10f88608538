/**
 * What a status of HTTP means for a message that was posted.
 *
 * @module
 */
import type { SendResult } from "./channel.ts";

/** Without a word from the service, how long it takes nothing, in milliseconds. */
const LIMITED_MS = 5_000;
const MAX_REASON_CHARS = 200;

/** The end of a try that was answered with a failure, `answer` being its text. */
export function postFailure(response: Response, answer: string): SendResult {
  const { status } = response;
  const reason = `the service answered ${status}: ${answer.slice(0, MAX_REASON_CHARS)}`;
  if (status === 429) {
    const afterMs = retryAfterMs(response) ?? LIMITED_MS;
    return { kind: "limited", reason, afterMs, wide: true };
  }
  if (status === 401 || status === 403) return { kind: "auth", reason };
  const afterMs = retryAfterMs(response);
  if (status >= 500 || status === 408 || status === 425) {
    return { kind: "retry", reason, ...(afterMs === undefined ? {} : { afterMs }) };
  }
  return { kind: "permanent", reason };
}

/** The pause a `Retry-After` asks for, in milliseconds: seconds, or a date. */
export function retryAfterMs(response: Pick<Response, "headers">): number | undefined {
  const value = response.headers.get("retry-after");
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), 24 * 3_600_000) : undefined;
}

/**
 * What went wrong at a provider, in our words: what it means, whether to wait, what to do.
 *
 * @module
 */
import type { APICallError } from "ai";
import { ModelError, type ModelErrorCode } from "../model_error.ts";
import { UnusableAnswer } from "./answer.ts";

/** Longest part of a provider's own words that is shown, in characters. */
const MAX_DETAIL_CHARS = 300;

const tooLong =
  /context.{0,20}(length|window|size)|maximum.{0,20}tokens|prompt is too long|too many (input )?tokens|exceeds the (maximum|limit).{0,40}token/i;
// Bodies of other statuses than 429 and 5xx name what they are in their own ways.
const overloaded = /overload|unavailable|capacity|server_error|internal_error|api_error/i;
const limited = /rate.?limit|resource_exhausted|too many requests/i;

/** Whom the failure is of. */
export interface FailureContext {
  /** The provider's name in `llm.yaml`. */
  readonly provider: string;
  readonly model: string;
  /** What must not be shown: keys and header values. */
  readonly secrets: readonly string[];
  readonly nowMs: number;
}

/** Any failure of a call as a {@linkcode ModelError}; neither the request nor a secret is in it. */
export function modelErrorOf(error: unknown, context: FailureContext): ModelError {
  if (error instanceof ModelError) return error;
  if (error instanceof UnusableAnswer) {
    return failure(context, "model_failed", `its answer cannot be used: ${error.message}`, {
      mayCost: true,
    });
  }
  if (isCallError(error)) return ofStatus(error, context);
  if (isNamed(error, "TypeError") || isNamed(error, "AI_RetryError")) {
    return failure(context, "model_overloaded", `it cannot be reached: ${reasonOf(error)}`);
  }
  return ofStream(error, context);
}

/** `text` in one line, without secrets and not too long. */
export function shown(text: string, secrets: readonly string[], maxChars: number): string {
  let clean = text;
  for (const secret of secrets) {
    if (secret.length >= 4) clean = clean.replaceAll(secret, "[secret]");
    // Providers like to show the beginning of a wrong key.
    if (secret.length >= 16) clean = clean.replaceAll(secret.slice(0, 8), "[secret]");
  }
  return clean.replaceAll(/[\p{Cc}\s]+/gu, " ").trim().slice(0, maxChars);
}

function ofStatus(error: APICallError, context: FailureContext): ModelError {
  const { statusCode: status } = error;
  const said = detailOf(error, context);
  if (status === undefined) {
    return failure(context, "model_overloaded", `it cannot be reached: ${said}`);
  }
  // A library's word for a stream that began well and whose first piece it could not read.
  const streamed =
    error.responseHeaders?.["content-type"]?.startsWith("text/event-stream") === true;
  if (streamed && status === 500) return ofStream(error, context);
  const retryAfterMs = retryAfterOf(error, context.nowMs);
  const detail = `HTTP ${status}${said === "" ? "" : `: ${said}`}`;
  if (status < 300) {
    const message = `its answer cannot be read: ${detail}`;
    return failure(context, "model_failed", message, { mayCost: true });
  }
  if (status === 401 || status === 403) {
    const fix = `check the key of "${context.provider}" in llm.yaml`;
    return failure(context, "model_auth", `it refused the key (${detail}); ${fix}`);
  }
  if (status === 429) {
    return failure(context, "model_rate_limited", `it takes no more for now (${detail})`, {
      retryAfterMs,
    });
  }
  if (status === 408 || status === 504) {
    return failure(context, "model_timeout", `it took too long (${detail})`, {
      retryAfterMs,
      mayCost: true,
    });
  }
  if (status >= 500) {
    return failure(context, "model_overloaded", `it is down or overloaded (${detail})`, {
      retryAfterMs,
    });
  }
  if (status === 413 || tooLong.test(said)) {
    const fix = "lower max_history_turns of the agent, or use a model that reads more";
    return failure(
      context,
      "model_context_length",
      `the conversation is too long (${detail}); ${fix}`,
    );
  }
  const fix = status === 404
    ? "; check its base_url in llm.yaml and the model's name in agents.yaml"
    : "";
  return failure(context, "model_bad_request", `it refused the request (${detail})${fix}`);
}

/** An error inside a stream, or one of the libraries' own about what they read. */
function ofStream(error: unknown, context: FailureContext): ModelError {
  const said = shown(reasonOf(error), context.secrets, MAX_DETAIL_CHARS);
  const mayCost = true;
  if (limited.test(said)) {
    return failure(context, "model_rate_limited", `it stopped: ${said}`, { mayCost });
  }
  if (overloaded.test(said)) {
    return failure(context, "model_overloaded", `it stopped: ${said}`, { mayCost });
  }
  return failure(context, "model_failed", `its answer cannot be read: ${said}`, { mayCost });
}

function failure(
  { provider, model }: FailureContext,
  code: ModelErrorCode,
  state: string,
  detail: { retryAfterMs?: number | undefined; mayCost?: boolean } = {},
): ModelError {
  return new ModelError(code, `Cannot ask model "${model}" of "${provider}": ${state}`, detail);
}

/** The provider's own message, or the start of a body that has none. */
function detailOf(error: APICallError, { secrets }: FailureContext): string {
  const body = error.responseBody ?? "";
  return shown(messageIn(body) ?? (body === "" ? error.message : body), secrets, MAX_DETAIL_CHARS);
}

function messageIn(body: string): string | undefined {
  try {
    const parsed = JSON.parse(body) as unknown;
    const [first] = Array.isArray(parsed) ? parsed as unknown[] : [parsed];
    const { error } = first as { error?: unknown };
    if (typeof error === "string") return error;
    const { message } = error as { message?: unknown };
    return typeof message === "string" ? message : undefined;
  } catch {
    return undefined; // no JSON, or none of the shapes providers use: the body speaks for itself
  }
}

/** From `retry-after-ms`, `retry-after` (seconds or a date), or Google's `retryDelay`. */
function retryAfterOf(
  { responseHeaders = {}, responseBody = "" }: APICallError,
  nowMs: number,
): number | undefined {
  const ms = Number(responseHeaders["retry-after-ms"] ?? NaN);
  if (ms >= 0) return ms;
  const after = responseHeaders["retry-after"];
  if (after !== undefined) {
    const waitMs = /^\s*\d/.test(after) && !after.includes(":")
      ? Number(after) * 1000
      : Date.parse(after) - nowMs;
    if (Number.isFinite(waitMs)) return Math.max(0, waitMs);
  }
  const delay = /"retryDelay"\s*:\s*"(\d+(?:\.\d+)?)s"/.exec(responseBody)?.[1];
  return delay === undefined ? undefined : Number(delay) * 1000;
}

// By name, so that the library of the loop is not loaded for one check.
function isCallError(error: unknown): error is APICallError {
  return isNamed(error, "AI_APICallError");
}

function isNamed(error: unknown, name: string): error is Error {
  return error instanceof Error && error.name === name;
}

function reasonOf(error: unknown): string {
  if (error instanceof Error) {
    const { cause } = error;
    return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
  }
  if (typeof error === "object" && error !== null) {
    const { message, type, status, code } = error as Record<string, unknown>;
    const words = [type, status, code, message].filter((word) => typeof word === "string");
    if (words.length > 0) return words.join(" ");
  }
  return typeof error === "string" ? error : JSON.stringify(error) ?? "nothing";
}

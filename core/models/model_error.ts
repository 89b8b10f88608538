/**
 * Why a provider gave no answer.
 *
 * @module
 */
import { CodedError, type ErrorCode } from "../contract/mod.ts";

/** The codes of {@linkcode ModelError}. */
export type ModelErrorCode = Extract<
  ErrorCode,
  | "model_auth"
  | "model_bad_request"
  | "model_context_length"
  | "model_failed"
  | "model_overloaded"
  | "model_rate_limited"
  | "model_timeout"
>;

/** What is known of a failure beside its text. */
export interface ModelErrorDetail {
  /** How long the provider wants to be left alone, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** Whether the provider may have counted tokens all the same. */
  readonly mayCost?: boolean | undefined;
  /** Whether nobody was asked: the provider rests after faults. */
  readonly resting?: boolean | undefined;
}

/** A call that brought no answer. Its message never holds a key, nor what was asked. */
export class ModelError extends CodedError {
  declare readonly code: ModelErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly mayCost: boolean;
  readonly resting: boolean;

  constructor(code: ModelErrorCode, message: string, detail: ModelErrorDetail = {}) {
    super(code, message);
    this.retryAfterMs = detail.retryAfterMs;
    this.mayCost = detail.mayCost ?? false;
    this.resting = detail.resting ?? false;
  }
}

/** Whether another provider could do better; not when the question itself is at fault. */
export function othersMayAnswer(error: unknown): boolean {
  return error instanceof ModelError && error.code !== "model_bad_request" &&
    error.code !== "model_context_length";
}

/**
 * A language model as the platform sees it: one function, whoever provides it.
 *
 * @module
 */
import { z } from "zod";

/** A tool a model asked for; `arguments` is what it wrote, not yet checked against the schema. */
export const ModelToolCall = z.strictObject({
  /** Unique among the messages of one request. */
  id: z.string().min(1),
  /** The model-visible name. */
  name: z.string().min(1),
  arguments: z.unknown(),
});
/** See {@linkcode ModelToolCall}. */
export type ModelToolCall = z.infer<typeof ModelToolCall>;

/** One message of a conversation as a model reads it, and as the history stores it. */
export const ModelMessage = z.discriminatedUnion("role", [
  z.strictObject({ role: z.literal("user"), content: z.string() }),
  z.strictObject({
    role: z.literal("assistant"),
    /** Empty when the model only asked for tools. */
    content: z.string(),
    toolCalls: z.array(ModelToolCall).optional(),
  }),
  z.strictObject({
    role: z.literal("tool"),
    /** The `id` of the call this is the result of. */
    toolCallId: z.string().min(1),
    /** The model-visible name. */
    name: z.string().min(1),
    content: z.string(),
    /** Whether `content` says why the tool failed. */
    isError: z.boolean().optional(),
  }),
]);
/** See {@linkcode ModelMessage}. */
export type ModelMessage = z.infer<typeof ModelMessage>;

/** A tool on offer. */
export interface ModelTool {
  /** What the model calls it. */
  readonly name: string;
  /** What the microapp calls it; a built-in tool has one name. */
  readonly ownName: string;
  readonly description: string;
  /** JSON Schema of the arguments; not trusted. */
  readonly inputSchema: unknown;
}

/** What a model is asked. */
export interface ModelRequest {
  /** The provider's name of the model. */
  readonly model: string;
  readonly system: string;
  /** Oldest first; every tool call is followed by its result. */
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ModelTool[];
  /** Ends the request; the promise rejects with its reason. */
  readonly signal: AbortSignal;
  readonly maxOutputTokens?: number | undefined;
}

/** Tokens a request used, as the provider counts them. */
export const ModelUsage = z.strictObject({
  /** All tokens read, cached ones included. */
  inputTokens: z.int().nonnegative(),
  outputTokens: z.int().nonnegative(),
  /** The part of `inputTokens` the provider had in its cache. */
  cachedTokens: z.int().nonnegative(),
});
/** See {@linkcode ModelUsage}. */
export type ModelUsage = z.infer<typeof ModelUsage>;

/** What a model answered; a journalled step of the turn, so it is stored as JSON too. */
export const ModelAnswer = z.strictObject({
  /** `null` when it only asked for tools. */
  text: z.string().nullable(),
  toolCalls: z.array(ModelToolCall),
  usage: ModelUsage,
  /** Why it stopped; `length` means that the answer is cut. */
  finishReason: z.enum(["stop", "tool_calls", "length", "content_filter", "other"]),
});
/** See {@linkcode ModelAnswer}. */
export type ModelAnswer = z.infer<typeof ModelAnswer>;

/**
 * Asks a model once.
 *
 * @throws {CodedError} `model_failed`; the signal's reason when it aborts
 */
export type Model = (request: ModelRequest) => Promise<ModelAnswer>;

/** A provider and one of its models, as in an agent's `model`. */
export interface ModelRef {
  readonly provider: string;
  readonly model: string;
}

/**
 * A language model as the platform sees it: one function, whoever provides it.
 *
 * @module
 */
import { z } from "zod";
import type { Write } from "../store/store.ts";

/** What a provider wants back unread, by provider; a reasoning's signature for example. */
export const ModelMetadata = z.record(z.string(), z.record(z.string(), z.json()));
/** See {@linkcode ModelMetadata}. */
export type ModelMetadata = z.infer<typeof ModelMetadata>;

/** A tool a model asked for; `arguments` is what it wrote, not yet checked against the schema. */
export const ModelToolCall = z.strictObject({
  /** Unique among the messages of one request. */
  id: z.string().min(1),
  /** The model-visible name. */
  name: z.string().min(1),
  /** Text when what it wrote was no JSON. */
  arguments: z.unknown(),
  metadata: ModelMetadata.optional(),
});
/** See {@linkcode ModelToolCall}. */
export type ModelToolCall = z.infer<typeof ModelToolCall>;

/** What a model thought before it answered; given back to it within the turn, and kept nowhere else. */
export const ModelReasoning = z.strictObject({
  text: z.string(),
  metadata: ModelMetadata.optional(),
});
/** See {@linkcode ModelReasoning}. */
export type ModelReasoning = z.infer<typeof ModelReasoning>;

/** A file of a message; its bytes are kept elsewhere, under its id. */
export const ModelFile = z.strictObject({
  id: z.string().min(1),
  /** What the bytes are. */
  mime: z.string(),
  name: z.string().nullable(),
});
/** See {@linkcode ModelFile}. */
export type ModelFile = z.infer<typeof ModelFile>;

/** One message of a conversation as a model reads it, and as the history stores it. */
export const ModelMessage = z.discriminatedUnion("role", [
  z.strictObject({
    role: z.literal("user"),
    /** Names its files in words, for models that cannot take them. */
    content: z.string(),
    files: z.array(ModelFile).optional(),
  }),
  z.strictObject({
    role: z.literal("assistant"),
    /** Empty when the model only asked for tools. */
    content: z.string(),
    toolCalls: z.array(ModelToolCall).optional(),
    reasoning: z.array(ModelReasoning).optional(),
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
  /** The bytes of files among the messages, by id; those that are missing are not shown. @default none */
  readonly files?: ReadonlyMap<string, Uint8Array> | undefined;
  /** Ends the request; the promise rejects with its reason. */
  readonly signal: AbortSignal;
  readonly maxOutputTokens?: number | undefined;
  /** What the answer is for; for models that answer by rules. @default "answer" */
  readonly purpose?: "answer" | "summary" | undefined;
  /** Hears of the answer while it grows; must not throw. */
  readonly onProgress?: ((progress: ModelProgress) => void) | undefined;
}

/** A piece of a growing answer. */
export type ModelProgress =
  | { readonly kind: "text"; readonly text: string }
  /** What came so far does not count: the model is asked again. */
  | { readonly kind: "restarted" };

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
  reasoning: z.array(ModelReasoning).optional(),
  usage: ModelUsage,
  /** Why it stopped; `length` means that the answer is cut. */
  finishReason: z.enum(["stop", "tool_calls", "length", "content_filter", "other"]),
});
/** See {@linkcode ModelAnswer}. */
export type ModelAnswer = z.infer<typeof ModelAnswer>;

/** Answers by itself, without a provider behind it. @throws the signal's reason when it aborts */
export type Model = (request: ModelRequest) => Promise<ModelAnswer>;

/** A provider and one of its models, as in an agent's `model`. */
export const ModelRef = z.strictObject({ provider: z.string(), model: z.string() });
/** See {@linkcode ModelRef}. */
export type ModelRef = z.infer<typeof ModelRef>;

/** For whom a model is asked; what its call is charged to. */
export interface ModelCaller {
  readonly account: string;
  readonly agentId: string;
  readonly turnId: string;
  /** Puts rows on disk that must be there before the call, with what else of the turn must be. */
  readonly commit: (writes: readonly Write[]) => Promise<void>;
}

/** An answer, who gave it and what it cost; a journalled step of the turn. */
export const ModelStep = z.strictObject({
  answer: ModelAnswer,
  by: ModelRef,
  /** Millionths of a US dollar; 0 when the model has no price. */
  costMicros: z.int().nonnegative(),
});
/** See {@linkcode ModelStep}. */
export type ModelStep = z.infer<typeof ModelStep>;

/** A step, and the rows that put its call into the ledger. */
export interface Asked {
  readonly step: ModelStep;
  /** To be committed with the step, so that a replayed step is never charged twice. */
  readonly writes: readonly Write[];
  /** Whether asking again costs nothing. */
  readonly free: boolean;
}

/**
 * Asks the model of a turn: within its budgets, at its provider or a fallback.
 *
 * @throws {CodedError} `model_unknown`, `model_unpriced`; `budget_exceeded`; `model_*` as a `ModelError`;
 * the signal's reason when it aborts
 */
export type AskModel = (
  caller: ModelCaller,
  model: ModelRef,
  request: Omit<ModelRequest, "model">,
) => Promise<Asked>;

/**
 * `llm.yaml`: language model providers, for all and by tenant.
 *
 * @module
 */
import { z } from "zod";
import { AccountId } from "../ids.ts";
import {
  block,
  list,
  map,
  optional,
  Positive,
  schemaVersion,
  Text,
  unused,
  withDefault,
} from "./block.ts";
import { Rps } from "./units.ts";

/** Keys of a provider that are read and change nothing. */
export const UNUSED_PROVIDER_KEYS = [
  "auth",
  "embedding_model",
  "group_id",
  "safety_settings",
] as const;

/** Keys of the file that are read and change nothing. */
export const UNUSED_LLM_KEYS = ["context_optimization"] as const;

/** The provider that needs no network and no key: it answers by rules. */
export const OFFLINE_PROVIDER = "offline";

/** Names of the three wire formats, nexo's own among them. */
export const ApiFlavor = z.enum([
  "openai_compatible",
  "openai_compat",
  "openai",
  "anthropic",
  "anthropic_messages",
  "google",
  "gemini",
]);
/** See {@linkcode ApiFlavor}. */
export type ApiFlavor = z.infer<typeof ApiFlavor>;

/** What may be in a file that a model takes. */
export const FileKind = z.enum(["image", "pdf", "audio", "video"]);
/** See {@linkcode FileKind}. */
export type FileKind = z.infer<typeof FileKind>;

/** US dollars for a million tokens. */
const UsdPerMillion = z.number().min(0).max(1_000_000);

/** What a model costs. */
export const ModelPrice = z.strictObject({
  input: UsdPerMillion,
  output: UsdPerMillion,
  /** Input the provider had in its cache; absent: as other input. */
  cached_input: optional(UsdPerMillion),
});
/** See {@linkcode ModelPrice}. */
export type ModelPrice = z.infer<typeof ModelPrice>;

/** One provider. */
export const LlmProvider = z.strictObject({
  /** The key itself, best as `${ENV}` or `${file:…}`. Never logged. */
  api_key: optional(z.string()),
  /** Name of the environment variable with the key; `api_key` wins. */
  api_key_env: optional(Text),
  /** Absent or empty: the provider's own address. */
  base_url: optional(z.string()),
  headers: map(Text, z.string()),
  /** The wire format; absent: by the provider's name (`anthropic`, `google`, `gemini`), else OpenAI's. */
  api_flavor: optional(ApiFlavor),
  /** Asked in this order when this one cannot answer; their own fallbacks do not count. */
  fallbacks: list(z.strictObject({ provider: Text, model: Text })),
  /** The longest answer asked for; budgets reserve it. */
  max_output_tokens: withDefault(Positive.max(1_000_000), 4_096),
  /** The longest silence before the first piece of an answer and between two, in milliseconds. */
  timeout_ms: withDefault(Positive.min(100).max(280_000), 120_000),
  /** `false` for servers that cannot stream: answers arrive as a whole. */
  streaming: withDefault(z.boolean(), true),
  /**
   * Files its models take; others they are told of in words. Absent: what the maker's own models take,
   * and none where another address answers.
   */
  accepts: optional(z.array(FileKind)),
  rate_limit: block({
    requests_per_second: withDefault(Rps.positive(), 2),
    /** Tokens left at which a warning is logged. */
    quota_alert_threshold: optional(z.number().min(0)),
  }),
  ...unused(UNUSED_PROVIDER_KEYS),
});
/** See {@linkcode LlmProvider}. */
export type LlmProvider = z.infer<typeof LlmProvider>;

const providers = map(Text, LlmProvider);

/** A whole `llm.yaml`. A tenant's provider wins over the global one of the same name. */
export const LlmConfig = block({
  ...schemaVersion,
  providers,
  /** By `<provider>/<model>`, `*` for any text; the longest match counts. Over the built-in prices. */
  prices: map(Text, ModelPrice),
  retry: block({
    /** Tries in all, the first included. */
    max_attempts: withDefault(Positive.max(100), 5),
    initial_backoff_ms: withDefault(Positive, 1_000),
    max_backoff_ms: withDefault(Positive, 60_000),
    backoff_multiplier: withDefault(z.number().min(1).max(100), 2),
  }),
  tenants: map(AccountId, block({ providers })),
  ...unused(UNUSED_LLM_KEYS),
});
/** See {@linkcode LlmConfig}. */
export type LlmConfig = z.infer<typeof LlmConfig>;

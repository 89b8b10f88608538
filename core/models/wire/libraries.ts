/**
 * The three wire formats, each library loaded when it is first needed.
 *
 * @module
 */
import type { LanguageModel } from "ai";
import type { ApiFlavor, FileKind } from "../../contract/mod.ts";

/** A model as the libraries offer it. */
export type WireModel = Extract<LanguageModel, { specificationVersion: "v3" }>;
/** What a model is called with. */
export type WireOptions = Parameters<WireModel["doStream"]>[0];
/** A piece of a streamed answer. */
export type WirePart = Awaited<ReturnType<WireModel["doStream"]>>["stream"] extends
  ReadableStream<infer Part> ? Part : never;
/** A whole answer. */
export type WireResult = Awaited<ReturnType<WireModel["doGenerate"]>>;

/** How a provider is spoken to. */
export type Flavor = "openai_compatible" | "anthropic" | "google";

/** The flavor behind each name it goes by. */
const FLAVORS: Readonly<Record<ApiFlavor, Flavor>> = {
  openai_compatible: "openai_compatible",
  openai_compat: "openai_compatible",
  openai: "openai_compatible",
  anthropic: "anthropic",
  anthropic_messages: "anthropic",
  google: "google",
  gemini: "google",
};

/** The flavor of a provider: what its config says, else what its name says, else OpenAI's. */
export function flavorOf(name: string, configured: ApiFlavor | undefined): Flavor {
  if (configured !== undefined) return FLAVORS[configured];
  return Object.hasOwn(FLAVORS, name) ? FLAVORS[name as ApiFlavor] : "openai_compatible";
}

/** Where and as whom a provider is spoken to. */
export interface Endpoint {
  /** The provider's name in `llm.yaml`. */
  readonly name: string;
  readonly flavor: Flavor;
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** The longest silence, in milliseconds. */
  readonly timeoutMs: number;
  readonly streaming: boolean;
  /** Files its models take. */
  readonly accepts: readonly FileKind[];
}

/** A key must not follow a redirect to somebody else. */
const fetchHere: typeof fetch = (input, init) => fetch(input, { ...init, redirect: "error" });

/** Returns one of the endpoint's models. */
export async function openWireModel(endpoint: Endpoint, model: string): Promise<WireModel> {
  const { name, flavor, baseUrl: baseURL, apiKey } = endpoint;
  const headers = { ...endpoint.headers };
  const common = { baseURL, headers, fetch: fetchHere };
  switch (flavor) {
    case "anthropic": {
      const { createAnthropic } = await import("@ai-sdk/anthropic");
      return createAnthropic({ ...common, apiKey: apiKey ?? "" })(model);
    }
    case "google": {
      const { createGoogleGenerativeAI } = await import("@ai-sdk/google");
      return createGoogleGenerativeAI({ ...common, apiKey: apiKey ?? "" })(model);
    }
    case "openai_compatible": {
      const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
      const key = apiKey === undefined ? {} : { apiKey };
      return createOpenAICompatible({ ...common, ...key, name, includeUsage: true })(model);
    }
  }
}

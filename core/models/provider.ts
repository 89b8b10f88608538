/**
 * The provider a tenant's call goes to, as the settings of this moment say.
 *
 * @module
 */
import type { FileKind, LlmConfig, LlmProvider, ModelPrice } from "../contract/mod.ts";
import { CodedError } from "../contract/mod.ts";
import type { Settings } from "../settings/settings.ts";
import { priceOf } from "./budget/prices.ts";
import type { ModelRef } from "./model.ts";
import { ModelError } from "./model_error.ts";
import { type Endpoint, type Flavor, flavorOf } from "./wire/libraries.ts";

/** A provider, ready to be asked. */
export interface Provider {
  readonly endpoint: Endpoint;
  /** Whose configuration it is: a tenant's own, or everybody's with null. */
  readonly account: string | null;
  readonly config: LlmProvider;
  readonly priceOf: (model: string) => ModelPrice | undefined;
}

/** What {@linkcode findProvider} looks at. */
export interface ProviderSources {
  readonly settings: Pick<Settings, "llm" | "tenants">;
  /** A key by the name in `api_key_env`; looked up each time, so that it may change. */
  readonly secretOf: (name: string) => string | undefined;
}

/** Where the makers of the models answer. */
const VENDORS: Readonly<Record<string, string>> = {
  anthropic: "https://api.anthropic.com/v1",
  gemini: "https://generativelanguage.googleapis.com/v1beta",
  google: "https://generativelanguage.googleapis.com/v1beta",
  openai: "https://api.openai.com/v1",
};
/** Where Ollama answers on the same machine. */
const LOCAL: Readonly<Record<string, string>> = { ollama: "http://127.0.0.1:11434/v1" };
const FLAVOR_HOME: Readonly<Record<Flavor, string | undefined>> = {
  anthropic: VENDORS["anthropic"],
  google: VENDORS["google"],
  openai_compatible: undefined,
};

/** What the makers' own models take; of what answers elsewhere nobody knows. */
const VENDOR_ACCEPTS: Readonly<Record<Flavor, readonly FileKind[]>> = {
  anthropic: ["image", "pdf"],
  google: ["image", "pdf", "audio", "video"],
  openai_compatible: ["image", "pdf"],
};

/** The config of a provider for a tenant: its own first; undefined when it may use none of that name. */
export function configOf(
  { llm, tenants }: Pick<Settings, "llm" | "tenants">,
  name: string,
  account: string | null,
): { readonly config: LlmProvider; readonly account: string | null } | undefined {
  const own = account === null
    ? undefined
    : pick(pick(llm.tenants, account)?.providers ?? {}, name);
  if (own !== undefined) return { config: own, account };
  const allowed = account === null ? [] : tenants.get(account)?.llm_provider_refs ?? [];
  if (allowed.length > 0 && !allowed.includes(name)) return undefined;
  const config = pick(llm.providers, name);
  return config === undefined ? undefined : { config, account: null };
}

/**
 * The provider of that name for a tenant, or for nobody in particular with null.
 *
 * @throws {CodedError} `model_unknown`; {@linkcode ModelError} `model_auth` when its key is missing
 */
export function findProvider(
  name: string,
  account: string | null,
  { settings, secretOf }: ProviderSources,
): Provider {
  const found = configOf(settings, name, account);
  if (found === undefined) {
    const whose = account === null ? "" : ` for tenant "${account}"`;
    throw new CodedError(
      "model_unknown",
      `Cannot ask provider "${name}": it is not in llm.yaml${whose}, or llm_provider_refs leaves it out`,
    );
  }
  const { config } = found;
  const flavor = flavorOf(name, config.api_flavor);
  const home = pick(VENDORS, name) ?? pick(LOCAL, name) ?? FLAVOR_HOME[flavor];
  const baseUrl = trimmed(config.base_url) ?? home;
  if (baseUrl === undefined) {
    throw new CodedError(
      "model_unknown",
      `Cannot ask provider "${name}": add its base_url to llm.yaml`,
    );
  }
  return {
    account: found.account,
    config,
    endpoint: {
      name,
      flavor,
      baseUrl,
      apiKey: keyOf(name, config, { secretOf, required: isVendor(baseUrl) }),
      headers: config.headers,
      timeoutMs: config.timeout_ms,
      streaming: config.streaming,
      accepts: config.accepts ?? (isVendor(baseUrl) ? VENDOR_ACCEPTS[flavor] : []),
    },
    priceOf: (model) => priceOfModel(settings.llm, { provider: name, model }, baseUrl),
  };
}

function priceOfModel({ prices }: LlmConfig, ref: ModelRef, baseUrl: string) {
  return priceOf(prices, ref, isVendor(baseUrl));
}

function keyOf(
  name: string,
  { api_key: key, api_key_env: env }: LlmProvider,
  { secretOf, required }: { secretOf: ProviderSources["secretOf"]; required: boolean },
): string | undefined {
  const found = trimmed(key) ?? (env === undefined ? undefined : trimmed(secretOf(env)));
  if (found === undefined && (required || env !== undefined)) {
    const fix = env === undefined
      ? "add api_key or api_key_env to it in llm.yaml"
      : `set ${env} in the environment, or write it to $NEXO_HOME/secrets/${env}`;
    throw new ModelError("model_auth", `Cannot ask provider "${name}": it has no key; ${fix}`);
  }
  return found;
}

function isVendor(baseUrl: string): boolean {
  return Object.values(VENDORS).includes(baseUrl);
}

function trimmed(text: string | undefined): string | undefined {
  const kept = text?.trim().replace(/\/+$/, "");
  return kept === "" ? undefined : kept;
}

function pick<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

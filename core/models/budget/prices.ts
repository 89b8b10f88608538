/**
 * What models cost: the operator's prices over a small table of list prices.
 *
 * @module
 */
import type { LlmConfig, ModelPrice } from "../../contract/mod.ts";
import type { ModelRef, ModelUsage } from "../model.ts";

/**
 * List prices in US dollars for a million tokens, for models whose price does not depend on the
 * length of the prompt. They age: `prices` in `llm.yaml` says what really holds.
 */
const LIST_PRICES: Readonly<Record<string, ModelPrice>> = {
  "gpt-4o*": { input: 2.5, cached_input: 1.25, output: 10 },
  "gpt-4o-mini*": { input: 0.15, cached_input: 0.075, output: 0.6 },
  "gpt-4.1*": { input: 2, cached_input: 0.5, output: 8 },
  "gpt-4.1-mini*": { input: 0.4, cached_input: 0.1, output: 1.6 },
  "gpt-4.1-nano*": { input: 0.1, cached_input: 0.025, output: 0.4 },
  "claude-opus-4-0*": { input: 15, cached_input: 1.5, output: 75 },
  "claude-opus-4-1*": { input: 15, cached_input: 1.5, output: 75 },
  "claude-3-5-haiku*": { input: 0.8, cached_input: 0.08, output: 4 },
  "claude-haiku-4-5*": { input: 1, cached_input: 0.1, output: 5 },
  "gemini-2.0-flash*": { input: 0.1, cached_input: 0.025, output: 0.4 },
};

/** The price of a model, if any; `vendor` says that the provider is the model's maker itself. */
export function priceOf(
  prices: LlmConfig["prices"],
  { provider, model }: ModelRef,
  vendor: boolean,
): ModelPrice | undefined {
  return bestMatch(prices, `${provider}/${model}`) ??
    (vendor ? bestMatch(LIST_PRICES, model) : undefined);
}

/** Millionths of a dollar; a dollar for a million tokens is a millionth for one. */
export function costMicros(price: ModelPrice | undefined, usage: ModelUsage): number {
  if (price === undefined) return 0;
  const { inputTokens, cachedTokens, outputTokens } = usage;
  const cached = price.cached_input ?? price.input;
  const cost = (inputTokens - cachedTokens) * price.input + cachedTokens * cached +
    outputTokens * price.output;
  return roundUp(cost);
}

/** The most `usage` can cost: a provider that has nothing in its cache. */
export function costBoundMicros(price: ModelPrice, inputTokens: number, outputTokens: number) {
  const input = Math.max(price.input, price.cached_input ?? 0);
  return roundUp(inputTokens * input + outputTokens * price.output);
}

// A binary fraction such as 0.1 × 3 must not cost one more.
const roundUp = (micros: number): number => Math.ceil(Number(micros.toPrecision(12)));

/** The value of the pattern with the most literal characters that matches. */
function bestMatch(
  table: Readonly<Record<string, ModelPrice>>,
  name: string,
): ModelPrice | undefined {
  let best: { readonly chars: number; readonly price: ModelPrice } | undefined;
  for (const [pattern, price] of Object.entries(table)) {
    const chars = pattern.replaceAll("*", "").length;
    if (matches(pattern, name) && chars >= (best?.chars ?? 0)) best = { chars, price };
  }
  return best?.price;
}

/** `*` stands for any text; linear, whatever the pattern. */
function matches(pattern: string, name: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return pattern === name;
  if (!name.startsWith(first)) return false;
  const last = rest.pop() ?? "";
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

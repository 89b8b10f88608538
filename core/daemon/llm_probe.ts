/**
 * Asks a model provider whether it answers, with its key.
 *
 * @module
 */
import { z } from "zod";
import type { ProbeLlm } from "../admin/llm_providers.ts";
import { type Clock, messageOf } from "../contract/mod.ts";

const DEFAULT_TIMEOUT_MS = 5_000;
const MAX_ERROR_CHARS = 400;
const Models = z.object({ data: z.array(z.unknown()) });

/** Returns a probe that asks for the provider's list of models. */
export function createLlmProbe(
  { env, now }: { env: Readonly<Record<string, string | undefined>>; now: Clock },
): ProbeLlm {
  const seconds = Number(env["NEXO_LLM_PROBE_TIMEOUT_SECS"]);
  const timeoutMs = seconds > 0 ? seconds * 1_000 : DEFAULT_TIMEOUT_MS;
  return async function probe({ provider, apiKey }) {
    const startedAtMs = now();
    const hide = (text: string): string =>
      text.replaceAll(apiKey, "[key]").replaceAll(apiKey.slice(0, 8), "[key]");
    try {
      const url = `${(provider.base_url ?? "").replace(/\/+$/, "")}/models`;
      const response = await fetch(url, {
        headers: { ...provider.headers, authorization: `Bearer ${apiKey}` },
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await response.text();
      const latency = { status: response.status, latency_ms: now() - startedAtMs };
      if (!response.ok) {
        const error = `HTTP ${response.status}: ${hide(text).slice(0, MAX_ERROR_CHARS)}`;
        return { ok: false, ...latency, error };
      }
      const count = countModels(text);
      return { ok: true, ...latency, ...(count === undefined ? {} : { model_count: count }) };
    } catch (error) {
      return {
        ok: false,
        status: 0,
        latency_ms: now() - startedAtMs,
        error: hide(messageOf(error)),
      };
    }
  };
}

function countModels(text: string): number | undefined {
  try {
    return Models.parse(JSON.parse(text)).data.length;
  } catch {
    return undefined; // it answers, if not with a list
  }
}

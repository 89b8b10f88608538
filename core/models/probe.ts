/**
 * Whether a provider answers, and how many models it has.
 *
 * @module
 */
import type { Clock } from "../contract/mod.ts";
import { isTimeout, openDeadline } from "../flow/deadline.ts";
import { findProvider, type ProviderSources } from "./provider.ts";
import { secretsOf } from "./wire/adapter.ts";
import { shown } from "./wire/failure.ts";
import type { Endpoint } from "./wire/libraries.ts";

const DEFAULT_TIMEOUT_MS = 5_000;
const MAX_ERROR_CHARS = 400;
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** As `llm_providers/probe` answers. */
export interface ProbeResult {
  readonly ok: boolean;
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly latency_ms: number;
  readonly model_count?: number;
  /** Without any secret. */
  readonly error?: string;
}

/** What {@linkcode probeProvider} looks at. */
export interface ProbeDeps extends ProviderSources {
  readonly now: Clock;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks a provider for its models, which costs nothing.
 *
 * @throws {CodedError} `model_unknown`, `model_auth` when it is not configured or has no key
 */
export async function probeProvider(
  name: string,
  account: string | null,
  { settings, secretOf, now, timeoutMs = DEFAULT_TIMEOUT_MS, signal }: ProbeDeps,
): Promise<ProbeResult> {
  const { endpoint } = findProvider(name, account, { settings, secretOf });
  using deadline = openDeadline(signal, timeoutMs);
  const startedAtMs = now();
  const took = () => ({ latency_ms: Math.max(0, Math.round(now() - startedAtMs)) });
  const clean = (text: string) => shown(text, secretsOf(endpoint), MAX_ERROR_CHARS);
  try {
    const response = await fetch(`${endpoint.baseUrl}/models`, {
      headers: headersOf(endpoint),
      redirect: "error",
      signal: deadline.signal,
    });
    const { status } = response;
    const body = await readSome(response);
    if (!response.ok) {
      return { ok: false, status, ...took(), error: `HTTP ${status}: ${clean(body)}` };
    }
    const count = modelCount(body);
    return { ok: true, status, ...took(), ...(count === undefined ? {} : { model_count: count }) };
  } catch (error) {
    signal?.throwIfAborted();
    const said = isTimeout(error) ? `no answer in ${timeoutMs} ms` : clean(reasonOf(error));
    return { ok: false, status: 0, ...took(), error: said };
  }
}

function headersOf({ flavor, apiKey, headers }: Endpoint): Record<string, string> {
  if (apiKey === undefined) return { ...headers };
  switch (flavor) {
    case "anthropic":
      return { "x-api-key": apiKey, "anthropic-version": "2023-06-01", ...headers };
    case "google":
      return { "x-goog-api-key": apiKey, ...headers };
    case "openai_compatible":
      return { authorization: `Bearer ${apiKey}`, ...headers };
  }
}

/** A body up to a size no list of models has. */
async function readSome(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) throw new Error("it answered with more than a list of models");
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

function modelCount(body: string): number | undefined {
  try {
    const { data, models } = JSON.parse(body) as { data?: unknown; models?: unknown };
    const list = data ?? models;
    return Array.isArray(list) ? list.length : undefined;
  } catch {
    return undefined; // it answered, and not with a list: there is nothing to count
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

/**
 * One call of one model at one provider: no retries, no limits, no money.
 *
 * @module
 */
import type { Clock } from "../../contract/mod.ts";
import type { ModelRequest } from "../model.ts";
import { ModelError } from "../model_error.ts";
import { buildAnswer, partsOf, type WireAnswer } from "./answer.ts";
import { modelErrorOf } from "./failure.ts";
import { type Endpoint, openWireModel, type WireModel, type WireOptions } from "./libraries.ts";
import { wireOptions } from "./prompt.ts";
import { openSilence, type Silence } from "./silence.ts";

/** An answer, and what the provider said of its limits. */
export interface Answered extends WireAnswer {
  /** Tokens the provider will take before it limits us, when it says so. */
  readonly tokensLeft: number | undefined;
}

/**
 * Asks once. Text is told as it arrives.
 *
 * @throws {ModelError}; the signal's reason when `request.signal` aborts
 */
export async function askOnce(
  endpoint: Endpoint,
  request: ModelRequest,
  { now }: { now: Clock },
): Promise<Answered> {
  request.signal.throwIfAborted();
  using silence = openSilence(request.signal, endpoint.timeoutMs);
  try {
    const model = await openWireModel(endpoint, request.model);
    const options = wireOptions(request, silence.signal, endpoint.accepts);
    return await (endpoint.streaming
      ? streamed(model, options, request, silence)
      : whole(model, options, request));
  } catch (error) {
    request.signal.throwIfAborted();
    throw silence.over ? silent(endpoint, request) : modelErrorOf(error, {
      provider: endpoint.name,
      model: request.model,
      secrets: secretsOf(endpoint),
      nowMs: now(),
    });
  }
}

/** Everything of an endpoint that must not be shown. */
export function secretsOf({ apiKey, headers }: Pick<Endpoint, "apiKey" | "headers">): string[] {
  const values = Object.values(headers);
  // `Authorization: Bearer x` is shown as `x` by some.
  return [apiKey ?? "", ...values, ...values.flatMap((value) => value.split(/\s+/).slice(1))]
    .filter((value) => value !== "");
}

async function streamed(
  model: WireModel,
  options: WireOptions,
  request: ModelRequest,
  silence: Silence,
): Promise<Answered> {
  const builder = buildAnswer(request, (progress) => request.onProgress?.(progress));
  const { stream, response } = await model.doStream(options);
  silence.broken();
  // A reader of its own: leaving the loop early must also end the connection.
  for await (const part of stream) {
    silence.broken();
    builder.add(part);
  }
  return { ...builder.done(), tokensLeft: tokensLeft(response?.headers) };
}

async function whole(
  model: WireModel,
  options: WireOptions,
  request: ModelRequest,
): Promise<Answered> {
  const builder = buildAnswer(request, (progress) => request.onProgress?.(progress));
  const result = await model.doGenerate(options);
  for (const part of partsOf(result)) builder.add(part);
  return { ...builder.done(), tokensLeft: tokensLeft(result.response?.headers) };
}

function silent({ name, timeoutMs }: Endpoint, { model }: ModelRequest): ModelError {
  return new ModelError(
    "model_timeout",
    `Cannot ask model "${model}" of "${name}": it was silent for ${timeoutMs} ms; raise its timeout_ms in llm.yaml if it needs longer`,
    { mayCost: true },
  );
}

function tokensLeft(headers: Readonly<Record<string, string>> | undefined): number | undefined {
  const said = headers?.["x-ratelimit-remaining-tokens"] ??
    headers?.["anthropic-ratelimit-tokens-remaining"];
  const left = Number(said ?? NaN);
  return Number.isFinite(left) ? left : undefined;
}

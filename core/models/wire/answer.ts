/**
 * Puts an answer together from its pieces, and refuses one that is cut or out of bounds.
 *
 * @module
 */
import type {
  ModelAnswer,
  ModelMetadata,
  ModelProgress,
  ModelReasoning,
  ModelRequest,
  ModelToolCall,
  ModelUsage,
} from "../model.ts";
import { ModelMetadata as MetadataSchema } from "../model.ts";
import type { WirePart, WireResult } from "./libraries.ts";

/** Longest text and reasoning of one answer, in characters. */
const MAX_TEXT_CHARS = 8 * 1024 * 1024;
/** Longest arguments of all tool calls of one answer, in characters. */
const MAX_ARGUMENT_CHARS = 4 * 1024 * 1024;

/** An answer; its tokens when the provider counted them. */
export interface WireAnswer {
  readonly answer: Omit<ModelAnswer, "usage">;
  readonly usage: ModelUsage | undefined;
}

/** An answer that cannot be used; the text says why. */
export class UnusableAnswer extends Error {
  override readonly name = "UnusableAnswer";
}

type WireFinish = Pick<WireResult, "finishReason" | "usage">;
type Metadata = Extract<WirePart, { type: "tool-call" }>["providerMetadata"];

/** Gathers what an answer consists of. */
export interface AnswerBuilder {
  /** @throws {UnusableAnswer}; the error of an `error` part */
  add(part: WirePart): void;
  /** @throws {UnusableAnswer} when the end never came */
  done(): WireAnswer;
}

/** Starts an answer to `request`. */
export function buildAnswer(
  request: Pick<ModelRequest, "messages">,
  onProgress: (progress: ModelProgress) => void,
): AnswerBuilder {
  const reasoning = new Map<string, ModelReasoning>();
  const calls: ModelToolCall[] = [];
  const ids = new Set(
    request.messages.flatMap((message) =>
      message.role === "assistant" ? message.toolCalls?.map(({ id }) => id) ?? [] : []
    ),
  );
  let text = "";
  let reasonedChars = 0;
  let argumentChars = 0;
  let finish: WireFinish | undefined;

  function reason(id: string, delta: string, metadata: Metadata): void {
    const known = reasoning.get(id);
    const merged = mergeMetadata(known?.metadata, metadata);
    reasonedChars += delta.length;
    reasoning.set(id, {
      text: (known?.text ?? "") + delta,
      ...(merged === undefined ? {} : { metadata: merged }),
    });
  }

  function call(part: Extract<WirePart, { type: "tool-call" }>): void {
    const metadata = mergeMetadata(undefined, part.providerMetadata);
    calls.push({
      id: freeId(part.toolCallId, ids),
      name: part.toolName,
      arguments: parseArguments(part.input),
      ...(metadata === undefined ? {} : { metadata }),
    });
  }

  return {
    add(part) {
      switch (part.type) {
        case "text-delta":
          text += part.delta;
          if (part.delta !== "") onProgress({ kind: "text", text: part.delta });
          break;
        case "reasoning-start":
          reason(part.id, "", part.providerMetadata);
          break;
        case "reasoning-delta":
          reason(part.id, part.delta, part.providerMetadata);
          break;
        case "reasoning-end":
          reason(part.id, "", part.providerMetadata);
          break;
        case "tool-input-delta":
          argumentChars += part.delta.length;
          break;
        case "tool-call":
          call(part);
          break;
        case "finish":
          finish = part;
          break;
        case "error":
          throw part.error;
        case "file":
        case "raw":
        case "response-metadata":
        case "source":
        case "stream-start":
        case "text-end":
        case "text-start":
        case "tool-approval-request":
        case "tool-input-end":
        case "tool-input-start":
        case "tool-result":
          break; // nothing a turn uses
      }
      if (text.length + reasonedChars > MAX_TEXT_CHARS || argumentChars > MAX_ARGUMENT_CHARS) {
        throw new UnusableAnswer("it does not end");
      }
    },
    done() {
      // Libraries end a stream that was cut as if it were whole; only the provider's own word counts.
      if (finish?.finishReason.raw === undefined) throw new UnusableAnswer("it was cut");
      return {
        answer: {
          text: text === "" && calls.length > 0 ? null : text,
          toolCalls: calls,
          ...(reasoning.size === 0 ? {} : { reasoning: [...reasoning.values()] }),
          finishReason: finishReasonOf(finish.finishReason.unified, calls.length > 0),
        },
        usage: usageOf(finish.usage),
      };
    },
  };
}

/** The parts of an answer that came as a whole. */
export function* partsOf({ content, finishReason, usage }: WireResult): Iterable<WirePart> {
  for (const [i, part] of content.entries()) {
    const id = String(i);
    const { providerMetadata } = part;
    const metadata = providerMetadata === undefined ? {} : { providerMetadata };
    if (part.type === "text") yield { type: "text-delta", id, delta: part.text };
    else if (part.type === "reasoning") {
      yield { type: "reasoning-delta", id, delta: part.text, ...metadata };
    } else if (part.type === "tool-call") yield part;
  }
  yield { type: "finish", finishReason, usage };
}

function finishReasonOf(
  unified: WireFinish["finishReason"]["unified"],
  hasCalls: boolean,
): ModelAnswer["finishReason"] {
  if (hasCalls && (unified === "tool-calls" || unified === "stop" || unified === "other")) {
    return "tool_calls";
  }
  switch (unified) {
    case "stop":
    case "length":
      return unified;
    case "content-filter":
      return "content_filter";
    case "tool-calls":
    case "error":
    case "other":
      return "other";
  }
}

/** No provider reads or writes nothing: zeros mean that it did not count. */
function usageOf({ inputTokens, outputTokens }: WireFinish["usage"]): ModelUsage | undefined {
  const usage = {
    inputTokens: whole(inputTokens.total),
    outputTokens: whole(outputTokens.total),
    cachedTokens: Math.min(whole(inputTokens.cacheRead), whole(inputTokens.total)),
  };
  return usage.inputTokens === 0 ? undefined : usage;
}

function whole(count: number | undefined): number {
  return count !== undefined && Number.isFinite(count) ? Math.max(0, Math.ceil(count)) : 0;
}

/** The id given, or another when it is empty or taken: results are matched by it. */
function freeId(given: string, taken: Set<string>): string {
  let id = given;
  for (let n = taken.size + 1; id === "" || taken.has(id); n++) id = `call_${n}`;
  taken.add(id);
  return id;
}

function parseArguments(input: string): unknown {
  if (input.trim() === "") return {};
  try {
    return JSON.parse(input) as unknown;
  } catch {
    return input;
  }
}

function mergeMetadata(
  known: ModelMetadata | undefined,
  more: Metadata,
): ModelMetadata | undefined {
  if (more === undefined) return known;
  const parsed = MetadataSchema.safeParse(JSON.parse(JSON.stringify(more)));
  if (!parsed.success) return known;
  const merged: ModelMetadata = { ...known };
  for (const [provider, values] of Object.entries(parsed.data)) {
    merged[provider] = { ...merged[provider], ...values };
  }
  return merged;
}

/**
 * A model without a network: it answers by rules, the same every time.
 *
 * @module
 */
import type { ModelAnswer, ModelMessage, ModelRequest, ModelToolCall } from "./model.ts";
import { toolMentions } from "./tool_mentions.ts";
import { plainOf } from "./untrusted.ts";

/** Characters a token stands for, roughly. */
const CHARS_PER_TOKEN = 4;
/** How much of what was said an answer repeats, in characters. */
const QUOTED_CHARS = 200;
/** How many lines a summary has, and how long each is. */
const DIGEST_LINES = 40;
const DIGEST_CHARS = 80;
/** How much of one tool result an answer repeats, in characters. */
const RESULT_CHARS = 4000;

/**
 * Calls the tools the last user message names (see {@linkcode toolMentions}); tells the results when
 * the last message is one; otherwise says what it heard.
 *
 * @throws the signal's reason when it has aborted
 */
export function offlineModel(request: ModelRequest): Promise<ModelAnswer> {
  // A promise that rejects, never a throw: callers chain.
  return new Promise((resolve) => {
    request.signal.throwIfAborted();
    resolve(answerTo(request));
  });
}

function answerTo(request: ModelRequest): ModelAnswer {
  const { messages } = request;
  if (request.purpose === "summary") return spoken(request, digest(lastUserText(messages)));
  const results = trailingResults(messages);
  if (results.length > 0) return spoken(request, results.map(tell).join("\n"));

  const said = plainOf(lastUserText(messages));
  const calls = toolMentions(said, request.tools);
  if (calls.length === 0) return spoken(request, hearsay(said));

  const firstId = 1 + Math.max(0, ...allCalls(messages).map(({ id }) => numberOf(id)));
  const toolCalls = calls.map(({ tool, arguments: args }, i) => ({
    id: `offline_${firstId + i}`,
    name: tool.name,
    arguments: args,
  }));
  return {
    text: null,
    toolCalls,
    usage: usageOf(request, JSON.stringify(toolCalls).length),
    finishReason: "tool_calls",
  };

  function tell({ name, content, isError }: ToolResult): string {
    const shown = request.tools.find((tool) => tool.name === name)?.ownName ?? name;
    return `${shown} ${isError === true ? "failed" : "answered"}: ${cut(content, RESULT_CHARS)}`;
  }
}

type ToolResult = Extract<ModelMessage, { role: "tool" }>;

function trailingResults(messages: readonly ModelMessage[]): ToolResult[] {
  const results: ToolResult[] = [];
  for (let i = messages.length - 1; i >= 0; i--) {
    const message = messages[i];
    if (message?.role !== "tool") break;
    results.unshift(message);
  }
  return results;
}

function lastUserText(messages: readonly ModelMessage[]): string {
  return messages.findLast((message) => message.role === "user")?.content ?? "";
}

function allCalls(messages: readonly ModelMessage[]): ModelToolCall[] {
  return messages.flatMap((message) => message.role === "assistant" ? message.toolCalls ?? [] : []);
}

function numberOf(id: string): number {
  return Number(/^offline_(\d{1,9})$/.exec(id)?.[1] ?? 0);
}

function hearsay(said: string): string {
  const text = said.trim();
  return text === "" ? "You sent no text." : `You said: "${cut(text, QUOTED_CHARS)}"`;
}

function spoken(request: ModelRequest, text: string): ModelAnswer {
  const limitChars = (request.maxOutputTokens ?? Infinity) * CHARS_PER_TOKEN;
  const kept = text.slice(0, limitChars);
  return {
    text: kept,
    toolCalls: [],
    usage: usageOf(request, kept.length),
    finishReason: kept.length < text.length ? "length" : "stop",
  };
}

function usageOf(request: ModelRequest, outputChars: number): ModelAnswer["usage"] {
  let inputChars = request.system.length;
  for (const message of request.messages) inputChars += message.content.length;
  for (const { name, description } of request.tools) inputChars += name.length + description.length;
  return {
    inputTokens: Math.ceil(inputChars / CHARS_PER_TOKEN),
    outputTokens: Math.ceil(outputChars / CHARS_PER_TOKEN),
    cachedTokens: 0,
  };
}

/** The beginning of each line, the newest lines of too many. */
function digest(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.slice(-DIGEST_LINES).map((line) => cut(line, DIGEST_CHARS)).join("\n");
}

/** The first `chars` characters, a letter beyond the basic plane counting as one. */
function cut(text: string, chars: number): string {
  if (text.length <= chars) return text;
  const kept = Array.from(text.slice(0, chars * 2)).slice(0, chars).join("");
  return kept.length < text.length ? `${kept}…` : kept;
}

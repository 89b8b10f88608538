/**
 * How much of a conversation a model is shown.
 *
 * @module
 */
import { jsonBytes } from "../models/json_bytes.ts";
import type { ModelMessage } from "../models/model.ts";

/** A message of the past and its place in the conversation. */
export interface PastMessage {
  readonly seq: number;
  readonly message: ModelMessage;
}

/** What the model is shown at most. */
export interface WindowLimits {
  readonly messages: number;
  /** As {@linkcode estimateTokens} counts them. */
  readonly tokens: number;
}

/** The past, cut in two: what is too old to be shown, and what is shown as it was. */
export interface Window {
  readonly old: readonly PastMessage[];
  readonly shown: readonly PastMessage[];
}

/** Bytes of text in a token, roughly, and what a message costs beside its text. */
const BYTES_PER_TOKEN = 4;
const TOKENS_PER_MESSAGE = 4;
/** How much is kept when something has to go, so that it does not have to go with each turn. */
const KEPT_PART = 1 / 2;

/** About how many tokens a message is; no tokenizer is asked, since each model has its own. */
export function estimateTokens(message: ModelMessage): number {
  let bytes = Buffer.byteLength(message.content);
  if (message.role === "assistant") {
    for (const call of message.toolCalls ?? []) bytes += jsonBytes(call);
  }
  return TOKENS_PER_MESSAGE + Math.ceil(bytes / BYTES_PER_TOKEN);
}

/**
 * Cuts the past (oldest first) so that what is shown keeps within the limits. It is cut only before
 * something that a person said, so that no tool call is parted from its result; when something has
 * to go, so much goes that half of the limits is left.
 */
export function windowOf(past: readonly PastMessage[], limits: WindowLimits): Window {
  const first = past.findIndex(isStart);
  if (first === -1) return { old: past, shown: [] };
  const rest = first === 0 ? past : past.slice(first);
  if (fits(rest, limits)) return { old: past.slice(0, first), shown: rest };
  const half = { messages: limits.messages * KEPT_PART, tokens: limits.tokens * KEPT_PART };
  let cut = first;
  while (cut < past.length && !(isStart(past[cut]) && fits(past.slice(cut), half))) cut++;
  return { old: past.slice(0, cut), shown: past.slice(cut) };
}

/** Whether a person said it. */
function isStart(past: PastMessage | undefined): boolean {
  return past?.message.role === "user";
}

function fits(messages: readonly PastMessage[], limits: WindowLimits): boolean {
  if (messages.length > limits.messages) return false;
  let tokens = 0;
  for (const { message } of messages) {
    tokens += estimateTokens(message);
    if (tokens > limits.tokens) return false;
  }
  return true;
}

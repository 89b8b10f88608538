/**
 * The most tokens a call can take.
 *
 * @module
 */
import { jsonBytes } from "../json_bytes.ts";
import type { ModelAnswer, ModelFile, ModelRequest } from "../model.ts";

/** What chat templates add around each message and each tool. */
const TOKENS_PER_ITEM = 16;
/** What providers add to a request, and once more to one with tools. */
const TOKENS_PER_REQUEST = 64;
const TOKENS_PER_TOOLSET = 512;

/** What providers count for a picture at most, and for a byte of anything else that is no text. */
const TOKENS_PER_IMAGE = 6_000;
const TOKENS_PER_FILE_BYTE = 1;

/** No tokenizer makes more tokens of a text than it has bytes. */
const bytesOf = (text: string): number => Buffer.byteLength(text);

/** An upper bound of the tokens a provider reads for `request`. */
export function inputBound(
  request: Pick<ModelRequest, "files" | "messages" | "system" | "tools">,
): number {
  let tokens = TOKENS_PER_REQUEST + bytesOf(request.system);
  for (const message of request.messages) {
    tokens += TOKENS_PER_ITEM + bytesOf(message.content);
    if (message.role === "user") tokens += fileTokens(message.files, request.files);
    if (message.role !== "assistant") continue;
    for (const call of message.toolCalls ?? []) tokens += TOKENS_PER_ITEM + jsonBytes(call);
    for (const thought of message.reasoning ?? []) tokens += jsonBytes(thought);
  }
  if (request.tools.length > 0) tokens += TOKENS_PER_TOOLSET;
  for (const { name, description, inputSchema } of request.tools) {
    tokens += TOKENS_PER_ITEM + bytesOf(name) + bytesOf(description) + jsonBytes(inputSchema);
  }
  return tokens;
}

function fileTokens(files: readonly ModelFile[] = [], bytes: ModelRequest["files"]): number {
  return files.reduce((sum, { id, mime }) => {
    const size = bytes?.get(id)?.length ?? 0;
    const most = mime.startsWith("image/") ? TOKENS_PER_IMAGE : TOKENS_PER_FILE_BYTE * size;
    return size === 0 ? sum : sum + TOKENS_PER_ITEM + most;
  }, 0);
}

/** An upper bound of the tokens a provider wrote for `answer`. */
export function outputBound(
  { text, toolCalls, reasoning = [] }: Omit<ModelAnswer, "usage">,
): number {
  let tokens = TOKENS_PER_ITEM + bytesOf(text ?? "");
  for (const call of toolCalls) tokens += TOKENS_PER_ITEM + jsonBytes(call);
  for (const thought of reasoning) tokens += bytesOf(thought.text);
  return tokens;
}

/**
 * A request as the libraries take it.
 *
 * @module
 */
import type { FileKind } from "../../contract/mod.ts";
import type { ModelFile, ModelMessage, ModelMetadata, ModelRequest, ModelTool } from "../model.ts";
import type { Endpoint, WireOptions } from "./libraries.ts";

type WireMessage = WireOptions["prompt"][number];
type WireTool = NonNullable<WireOptions["tools"]>[number];
type FunctionTool = Extract<WireTool, { type: "function" }>;
type ToolPart = Extract<WireMessage, { role: "tool" }>["content"][number];

/** What a kind of file is called in `accepts`; what has no name there no provider takes. */
const KINDS: readonly (readonly [pattern: RegExp, kind: FileKind])[] = [
  [/^image\/(png|jpeg|gif|webp)$/, "image"],
  [/^application\/pdf$/, "pdf"],
  [/^audio\/(wav|mpeg|mp4|ogg|flac)$/, "audio"],
  [/^video\/(mp4|webm)$/, "video"],
];

/**
 * The options of one call; results of one round of tools become one message, and files that the endpoint
 * does not accept stay words.
 */
export function wireOptions(
  request: ModelRequest,
  abortSignal: AbortSignal,
  accepts: Endpoint["accepts"] = [],
): WireOptions {
  const prompt: WireMessage[] = [];
  if (request.system !== "") prompt.push({ role: "system", content: request.system });
  const filesOf = (files: readonly ModelFile[]) => fileParts(files, request.files, accepts);
  for (const message of request.messages) addMessage(prompt, message, filesOf);
  return {
    prompt,
    abortSignal,
    ...(request.maxOutputTokens === undefined ? {} : { maxOutputTokens: request.maxOutputTokens }),
    ...(request.tools.length === 0 ? {} : { tools: request.tools.map(wireTool) }),
  };
}

type FilePart = Extract<
  Extract<WireMessage, { role: "user" }>["content"][number],
  { type: "file" }
>;

function fileParts(
  files: readonly ModelFile[],
  bytes: ModelRequest["files"],
  accepts: Endpoint["accepts"],
): FilePart[] {
  return files.flatMap(({ id, mime, name }) => {
    const data = bytes?.get(id);
    const kind = KINDS.find(([pattern]) => pattern.test(mime))?.[1];
    if (data === undefined || kind === undefined || !accepts.includes(kind)) return [];
    return [{
      type: "file" as const,
      mediaType: mime,
      data,
      ...(name === null ? {} : { filename: name }),
    }];
  });
}

function addMessage(
  prompt: WireMessage[],
  message: ModelMessage,
  filesOf: (files: readonly ModelFile[]) => FilePart[],
): void {
  if (message.role === "user") {
    const text = { type: "text" as const, text: message.content };
    prompt.push({ role: "user", content: [text, ...filesOf(message.files ?? [])] });
  } else if (message.role === "assistant") {
    const content = answerParts(message);
    // Providers refuse an answer without content.
    if (content.length > 0) prompt.push({ role: "assistant", content });
  } else {
    const last = prompt.at(-1);
    if (last?.role === "tool") last.content.push(toolPart(message));
    else prompt.push({ role: "tool", content: [toolPart(message)] });
  }
}

function answerParts(
  { content, toolCalls = [], reasoning = [] }: Extract<ModelMessage, { role: "assistant" }>,
): Extract<WireMessage, { role: "assistant" }>["content"] {
  return [
    ...reasoning.map(({ text, metadata }) => ({
      type: "reasoning" as const,
      text,
      ...givenBack(metadata),
    })),
    ...(content === "" ? [] : [{ type: "text" as const, text: content }]),
    ...toolCalls.map(({ id, name, arguments: args, metadata }) => ({
      type: "tool-call" as const,
      toolCallId: id,
      toolName: name,
      // What was no object was refused, and no provider takes it back.
      input: isObject(args) ? args : {},
      ...givenBack(metadata),
    })),
  ];
}

function givenBack(metadata: ModelMetadata | undefined) {
  return metadata === undefined
    ? {}
    : { providerOptions: metadata as NonNullable<WireOptions["providerOptions"]> };
}

function toolPart(
  { toolCallId, name, content, isError }: Extract<ModelMessage, { role: "tool" }>,
): ToolPart {
  const type = isError === true ? "error-text" : "text";
  return {
    type: "tool-result",
    toolCallId,
    toolName: name,
    output: { type, value: content },
  };
}

function wireTool({ name, description, inputSchema }: ModelTool): FunctionTool {
  const schema = isObject(inputSchema) ? inputSchema : { type: "object" };
  return {
    type: "function",
    name,
    description,
    inputSchema: schema as FunctionTool["inputSchema"],
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

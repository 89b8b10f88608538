/**
 * A request as the libraries take it.
 *
 * @module
 */
import type { ModelMessage, ModelMetadata, ModelRequest, ModelTool } from "../model.ts";
import type { WireOptions } from "./libraries.ts";

type WireMessage = WireOptions["prompt"][number];
type WireTool = NonNullable<WireOptions["tools"]>[number];
type FunctionTool = Extract<WireTool, { type: "function" }>;
type ToolPart = Extract<WireMessage, { role: "tool" }>["content"][number];

/** The options of one call; results of one round of tools become one message. */
export function wireOptions(request: ModelRequest, abortSignal: AbortSignal): WireOptions {
  const prompt: WireMessage[] = [];
  if (request.system !== "") prompt.push({ role: "system", content: request.system });
  for (const message of request.messages) addMessage(prompt, message);
  return {
    prompt,
    abortSignal,
    ...(request.maxOutputTokens === undefined ? {} : { maxOutputTokens: request.maxOutputTokens }),
    ...(request.tools.length === 0 ? {} : { tools: request.tools.map(wireTool) }),
  };
}

function addMessage(prompt: WireMessage[], message: ModelMessage): void {
  if (message.role === "user") {
    prompt.push({ role: "user", content: [{ type: "text", text: message.content }] });
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

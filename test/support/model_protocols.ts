/**
 * The three protocols as their makers publish them, as far as an answer goes.
 *
 * @module
 */
/** The wire formats. */
export type Protocol = "openai_compatible" | "anthropic" | "google";

/** Tokens a provider counts; `cached` is a part of `input`. */
export interface Counted {
  readonly input: number;
  readonly output: number;
  readonly cached?: number;
}

/** A whole answer. */
export interface ScriptedAnswer {
  readonly text?: string;
  readonly thought?: { readonly text: string; readonly signature: string };
  readonly calls?: readonly {
    readonly id: string;
    readonly name: string;
    /** As the model wrote it; JSON or not. */
    readonly arguments: string;
  }[];
  /** Null: the provider does not count. */
  readonly usage?: Counted | null;
  readonly finish?: "stop" | "length";
}

/** One protocol. */
export interface Speech {
  /** The path a base URL ends with. */
  readonly root: string;
  /** Frames at the end of a stream without which it is cut. */
  readonly tail: number;
  readonly streams: (path: string, body: Readonly<Record<string, unknown>>) => boolean;
  readonly stream: (answer: ScriptedAnswer) => string[];
  readonly whole: (answer: ScriptedAnswer) => string;
  readonly error: (status: number) => string;
  readonly models: (ids: readonly string[]) => string;
}

const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const event = (value: { readonly type: string }): string => `event: ${value.type}\n${data(value)}`;
/** In pieces that split words, as real ones do. */
const pieces = (text: string): string[] => text.match(/[\s\S]{1,4}/g) ?? [];

const openAiUsage = ({ input, output, cached = 0 }: Counted) => ({
  prompt_tokens: input,
  completion_tokens: output,
  total_tokens: input + output,
  prompt_tokens_details: { cached_tokens: cached },
});

const openai: Speech = {
  root: "/v1",
  tail: 3,
  streams: (_path, body) => body["stream"] === true,
  stream({ text = "", thought, calls = [], usage, finish = "stop" }) {
    const chunk = (delta: unknown, reason: string | null = null) =>
      data({
        id: "chatcmpl-1",
        object: "chat.completion.chunk",
        created: 1_700_000_000,
        model: "m",
        choices: [{ index: 0, delta, finish_reason: reason }],
      });
    return [
      chunk({ role: "assistant", content: "" }),
      ...(thought === undefined ? [] : [chunk({ reasoning_content: thought.text })]),
      ...pieces(text).map((content) => chunk({ content })),
      ...calls.flatMap(({ id, name, arguments: args }, index) => [
        chunk({ tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] }),
        ...pieces(args).map((piece) =>
          chunk({ tool_calls: [{ index, function: { arguments: piece } }] })
        ),
      ]),
      chunk({}, calls.length > 0 ? "tool_calls" : finish),
      ...(usage == null ? [] : [
        data({
          id: "chatcmpl-1",
          object: "chat.completion.chunk",
          created: 1_700_000_000,
          model: "m",
          choices: [],
          usage: openAiUsage(usage),
        }),
      ]),
      "data: [DONE]\n\n",
    ];
  },
  whole: ({ text = "", thought, calls = [], usage, finish = "stop" }) =>
    JSON.stringify({
      id: "chatcmpl-1",
      object: "chat.completion",
      created: 1_700_000_000,
      model: "m",
      choices: [{
        index: 0,
        message: {
          role: "assistant",
          content: text === "" ? null : text,
          ...(thought === undefined ? {} : { reasoning_content: thought.text }),
          ...(calls.length === 0 ? {} : {
            tool_calls: calls.map(({ id, name, arguments: args }) => ({
              id,
              type: "function",
              function: { name, arguments: args },
            })),
          }),
        },
        finish_reason: calls.length > 0 ? "tool_calls" : finish,
      }],
      ...(usage == null ? {} : { usage: openAiUsage(usage) }),
    }),
  error: (status) =>
    JSON.stringify({ error: { message: `refused with ${status}`, type: "server", code: null } }),
  models: (ids) =>
    JSON.stringify({ object: "list", data: ids.map((id) => ({ id, object: "model" })) }),
};

const anthropicUsage = ({ input, output, cached = 0 }: Counted) => ({
  // Anthropic counts cached tokens apart.
  input_tokens: input - cached,
  cache_read_input_tokens: cached,
  cache_creation_input_tokens: 0,
  output_tokens: output,
});
const uncounted: Counted = { input: 0, output: 0 };

const anthropic: Speech = {
  root: "/v1",
  tail: 3,
  streams: (_path, body) => body["stream"] === true,
  stream({ text = "", thought, calls = [], usage, finish = "stop" }) {
    const counted = usage ?? uncounted;
    const blocks: { start: unknown; deltas: unknown[] }[] = [
      ...(thought === undefined ? [] : [{
        start: { type: "thinking", thinking: "", signature: "" },
        deltas: [
          ...pieces(thought.text).map((thinking) => ({ type: "thinking_delta", thinking })),
          { type: "signature_delta", signature: thought.signature },
        ],
      }]),
      ...(text === "" ? [] : [{
        start: { type: "text", text: "" },
        deltas: pieces(text).map((piece) => ({ type: "text_delta", text: piece })),
      }]),
      ...calls.map(({ id, name, arguments: args }) => ({
        start: { type: "tool_use", id, name, input: {} },
        deltas: pieces(args).map((partial) => ({
          type: "input_json_delta",
          partial_json: partial,
        })),
      })),
    ];
    return [
      event({
        type: "message_start",
        message: {
          id: "msg_1",
          type: "message",
          role: "assistant",
          content: [],
          model: "m",
          stop_reason: null,
          stop_sequence: null,
          usage: { ...anthropicUsage(counted), output_tokens: Math.min(1, counted.output) },
        },
      } as { type: string }),
      ...blocks.flatMap(({ start, deltas }, index) => [
        event({ type: "content_block_start", index, content_block: start } as { type: string }),
        ...deltas.map((delta) =>
          event({ type: "content_block_delta", index, delta } as { type: string })
        ),
        event({ type: "content_block_stop", index } as { type: string }),
      ]),
      event({
        type: "message_delta",
        delta: { stop_reason: stopReason(calls.length, finish), stop_sequence: null },
        usage: { output_tokens: counted.output },
      } as { type: string }),
      event({ type: "message_stop" }),
    ];
  },
  whole: ({ text = "", thought, calls = [], usage, finish = "stop" }) =>
    JSON.stringify({
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: "m",
      content: [
        ...(thought === undefined
          ? []
          : [{ type: "thinking", thinking: thought.text, signature: thought.signature }]),
        ...(text === "" ? [] : [{ type: "text", text }]),
        ...calls.map(({ id, name, arguments: args }) => ({
          type: "tool_use",
          id,
          name,
          input: parsed(args),
        })),
      ],
      stop_reason: stopReason(calls.length, finish),
      stop_sequence: null,
      usage: anthropicUsage(usage ?? uncounted),
    }),
  error: (status) =>
    JSON.stringify({
      type: "error",
      error: { type: "api_error", message: `refused with ${status}` },
    }),
  models: (ids) =>
    JSON.stringify({ data: ids.map((id) => ({ id, type: "model" })), has_more: false }),
};

function stopReason(calls: number, finish: "stop" | "length"): string {
  if (calls > 0) return "tool_use";
  return finish === "length" ? "max_tokens" : "end_turn";
}

function parsed(args: string): unknown {
  try {
    return JSON.parse(args);
  } catch {
    return args;
  }
}

const googleUsage = ({ input, output, cached = 0 }: Counted) => ({
  promptTokenCount: input,
  candidatesTokenCount: output,
  totalTokenCount: input + output,
  cachedContentTokenCount: cached,
});

function googleParts({ text = "", thought, calls = [] }: ScriptedAnswer): unknown[] {
  return [
    ...(thought === undefined ? [] : [{ text: thought.text, thought: true }]),
    ...(text === "" ? [] : [{ text }]),
    ...calls.map(({ name, arguments: args }) => ({
      functionCall: { name, args: parsed(args) },
      ...(thought === undefined ? {} : { thoughtSignature: thought.signature }),
    })),
  ];
}

function googleChunk(parts: unknown[], more: Record<string, unknown> = {}, end = {}) {
  return {
    candidates: [{ content: { role: "model", parts }, index: 0, ...end }],
    modelVersion: "m",
    ...more,
  };
}

const google: Speech = {
  root: "/v1beta",
  tail: 1,
  streams: (path) => path.includes(":streamGenerateContent"),
  stream(answer) {
    const { text = "", usage, finish = "stop" } = answer;
    const rest = googleParts({ ...answer, text: "" });
    return [
      ...pieces(text).map((piece) => data(googleChunk([{ text: piece }]))),
      data(googleChunk(rest, usage == null ? {} : { usageMetadata: googleUsage(usage) }, {
        finishReason: finish === "length" ? "MAX_TOKENS" : "STOP",
      })),
    ];
  },
  whole: (answer) =>
    JSON.stringify(
      googleChunk(
        googleParts(answer),
        answer.usage == null ? {} : { usageMetadata: googleUsage(answer.usage) },
        { finishReason: answer.finish === "length" ? "MAX_TOKENS" : "STOP" },
      ),
    ),
  error: (status) =>
    JSON.stringify({ error: { code: status, message: `refused with ${status}`, status: "X" } }),
  models: (ids) => JSON.stringify({ models: ids.map((id) => ({ name: `models/${id}` })) }),
};

/** The protocols by name. */
export const protocols: Readonly<Record<Protocol, Speech>> = {
  openai_compatible: openai,
  anthropic,
  google,
};

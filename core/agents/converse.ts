/**
 * The loop of a turn: ask the model, run the tools it asks for, until it answers.
 *
 * @module
 */
import { z } from "zod";
import { CodedError } from "../contract/mod.ts";
import { ModelAnswer, type ModelMessage } from "../models/model.ts";
import type { Journal } from "../queues/turn_steps.ts";
import { callMeta } from "./call_meta.ts";
import { type Policy, policyOf } from "./policy.ts";
import { systemPrompt } from "./prompt.ts";
import { stepId } from "./session.ts";
import { createToolGate, type GatedResult, isOffered, type ToolGate } from "./tool_gate.ts";
import type { TurnRecord } from "./turn_record.ts";
import type { TurnDeps, TurnInbounds } from "./turn_types.ts";

/** Everything a conversation loop works with. */
export interface Conversation {
  readonly account: string;
  readonly turnId: string;
  readonly sessionId: string;
  readonly inbounds: TurnInbounds;
  readonly policy: Policy;
  /** History and the question; answers and tool results are added to a copy. */
  readonly messages: readonly ModelMessage[];
  readonly journal: Journal;
  readonly record: TurnRecord;
  readonly deps: TurnDeps;
  readonly signal: AbortSignal;
}

/** What is kept of a finished tool call. */
const FinishedCall = z.strictObject({ text: z.string() });

/**
 * Returns the model's reply.
 *
 * @throws {CodedError} `tool_loop` after `max_tool_iterations` rounds, and what the model throws
 */
export async function converse(conversation: Conversation): Promise<string> {
  const { policy, deps, record, journal, signal } = conversation;
  const messages = [...conversation.messages];
  const model = deps.model(policy.model, conversation.account);
  const gate = openGate(conversation);

  for (let round = 0; round < policy.agent.config.max_tool_iterations; round++) {
    const answer = await journal.step(async () => {
      const result = await model({
        model: policy.model.model,
        system: systemPrompt(policy, conversation.inbounds),
        messages,
        tools: deps.tools().filter((tool) => isOffered(tool, conversation.account, policy)),
        signal,
      });
      // A reply without tool calls is the last step: it is committed with the turn.
      return { result, writes: result.toolCalls.length > 0 ? [] : undefined };
    }, (stored) => ModelAnswer.parse(stored));
    record.used(answer.usage);

    const said: ModelMessage = {
      role: "assistant",
      content: answer.text ?? "",
      ...(answer.toolCalls.length > 0 ? { toolCalls: answer.toolCalls } : {}),
    };
    record.said(said);
    if (answer.toolCalls.length === 0) return said.content;

    messages.push(said);
    for (const call of answer.toolCalls) {
      const { text } = await callTool(call, gate, conversation);
      const result: ModelMessage = {
        role: "tool",
        toolCallId: call.id,
        name: call.name,
        content: text,
      };
      record.said(result);
      messages.push(result);
    }
  }
  throw new CodedError(
    "tool_loop",
    `Cannot finish turn: the model asked for tools in ${policy.agent.config.max_tool_iterations} rounds`,
  );
}

function openGate({ inbounds: [first], deps }: Conversation): ToolGate {
  return createToolGate({
    tools: deps.tools,
    policy: () => policyOf(deps.settings(), first.key),
    check: deps.check,
    take: deps.take,
    now: deps.now,
  });
}

async function callTool(
  call: ModelAnswer["toolCalls"][number],
  gate: ToolGate,
  { account, turnId, sessionId, inbounds, journal, record, signal }: Conversation,
): Promise<z.infer<typeof FinishedCall>> {
  return journal.step(async (step) => {
    const callId = stepId(turnId, step, "call");
    const meta = callMeta(sessionId, inbounds, callId);
    const result: GatedResult = await gate(call, { account, meta, signal });
    return {
      result: { text: result.text },
      writes: record.rowsForToolCall({ callId, step, arguments: call.arguments, result }),
    };
  }, (stored) => FinishedCall.parse(stored));
}

/**
 * The loop of a turn: ask the model, run the tools it asks for, until it answers.
 *
 * @module
 */
import { z } from "zod";
import { CodedError, type Inbound } from "../contract/mod.ts";
import { whenHere } from "../flow/soon.ts";
import {
  type ModelAnswer,
  type ModelMessage,
  type ModelProgress,
  ModelStep,
} from "../models/model.ts";
import type { Journal } from "../queues/turn_steps.ts";
import { callMeta } from "./call_meta.ts";
import { colleaguesOf, DELEGATE } from "./colleagues.ts";
import { assertOurs } from "./ownership.ts";
import { createPolicyReader, type Policy, type PolicyResult } from "./policy.ts";
import { systemPrompt } from "./prompt.ts";
import { createToolGate, type GatedCall, isOffered, type ToolGate } from "./tool_gate.ts";
import type { TurnHooks } from "./turn_hooks.ts";
import type { TurnRecord } from "./turn_record.ts";
import type { TurnDeps, TurnInbounds } from "./turn_types.ts";

/** Everything a conversation loop works with. */
export interface Conversation {
  readonly account: string;
  readonly turnId: string;
  readonly sessionId: string;
  readonly inbounds: TurnInbounds;
  readonly policy: Policy;
  /** What is remembered of what is not among the messages. */
  readonly summary: string | undefined;
  /** History and the question; answers and tool results are added to a copy. */
  readonly messages: readonly ModelMessage[];
  readonly journal: Journal;
  readonly hooks: TurnHooks;
  readonly record: TurnRecord;
  readonly deps: TurnDeps;
  readonly signal: AbortSignal;
  /** Hears of answers while they grow; for channels that show them. */
  readonly onProgress?: ((progress: ModelProgress) => void) | undefined;
}

/** What is kept of a finished tool call. */
const FinishedCall = z.strictObject({
  text: z.string(),
  outcome: z.string(),
  durationMs: z.number(),
});
type FinishedCall = z.infer<typeof FinishedCall>;

/** Times a model may give one tool wrong arguments in a turn; then the tool is taken away. */
const MAX_WRONG_ARGUMENTS = 2;

/**
 * Returns the model's last answer, which is not on record yet: hooks may still change it.
 *
 * @throws {CodedError} `tool_loop` after `max_tool_iterations` rounds, `model_empty` when it neither says
 * nor does anything for somebody who waits for it, what asking a model throws, and why its tenant or
 * agent must not work any more
 */
export async function converse(conversation: Conversation): Promise<ModelMessage> {
  const { policy, record, deps, inbounds: [first] } = conversation;
  const messages = [...conversation.messages];
  const loaded = deps.files.load(first, messages);
  const files = loaded instanceof Promise ? await loaded : loaded;
  const rules = createPolicyReader(deps.settings, first.key, first.delegation?.callers);
  const gate = openGate(conversation, rules);
  const wrong = new Map<string, number>();

  for (let round = 0; round < policy.agent.config.max_tool_iterations; round++) {
    assertOurs(first, deps.takeover);
    assertAtWork(rules());
    const answer = await askModel(
      conversation,
      { messages, files },
      (name) => !isLost(wrong, name),
    );
    const { toolCalls, reasoning, text } = answer;
    const content = text ?? "";
    if (toolCalls.length === 0) {
      if (round === 0 && content.trim() === "" && isOwedAnAnswer(first)) throw emptyAnswer(answer);
      return { role: "assistant", content };
    }

    const said: ModelMessage = { role: "assistant", content, toolCalls };
    record.said(said);
    // What the model thought goes back to it within this turn and nowhere else.
    messages.push(reasoning === undefined ? said : { ...said, reasoning });
    for (const call of toolCalls) {
      assertOurs(first, deps.takeover);
      assertAtWork(rules());
      const result = await answerCall(call, wrong, gate, conversation);
      record.said(result);
      messages.push(result);
    }
  }
  throw new CodedError(
    "tool_loop",
    `Cannot finish turn: the model asked for tools in ${policy.agent.config.max_tool_iterations} rounds`,
  );
}

/** Whether somebody wrote who would hear nothing otherwise; in a room of many, saying nothing is an answer. */
function isOwedAnAnswer({ trigger, chat }: Inbound): boolean {
  return trigger === "channel" && chat !== "group";
}

function emptyAnswer({ finishReason }: ModelAnswer): CodedError {
  const why = finishReason === "content_filter" ? ", and says that a filter stopped it" : "";
  return new CodedError("model_empty", `Cannot finish turn: the model answered with nothing${why}`);
}

/** The next answer, an earlier run's when it has one: then nobody is asked and nothing is charged. */
async function askModel(
  conversation: Conversation,
  { messages, files }: {
    readonly messages: readonly ModelMessage[];
    readonly files: ReadonlyMap<string, Uint8Array>;
  },
  isLeft: (tool: string) => boolean,
): Promise<ModelAnswer> {
  const { policy, deps, record, journal, signal, account, turnId, inbounds, summary, onProgress } =
    conversation;
  const { answer, by, costMicros } = await journal.step(async () => {
    const read = deps.skills({ account, agent: policy.agent, names: policy.skills });
    const skills = read instanceof Promise ? await read : read;
    const colleagues = policy.names(DELEGATE)
      ? colleaguesOf(policy, inbounds[0], deps.settings())
      : [];
    const { step, writes, free } = await deps.ask(
      { account, agentId: policy.agent.id, turnId, commit: journal.commit },
      policy.model,
      {
        system: systemPrompt(policy, inbounds, { skills, summary, colleagues }),
        messages,
        files,
        tools: deps.tools().filter((tool) => isLeft(tool.name) && isOffered(tool, account, policy)),
        signal,
        onProgress,
      },
    );
    // A free reply without tool calls is the last step: it is committed with the turn.
    if (!free || step.answer.toolCalls.length > 0) return { result: step, writes };
    journal.owe(writes);
    return { result: step, writes: undefined };
  }, (stored) => ModelStep.parse(stored));
  record.used(answer.usage, by, costMicros);
  return answer;
}

/** Runs a call, unless its tool was taken away. One wrong call is the model's to repair. */
async function answerCall(
  call: ModelAnswer["toolCalls"][number],
  wrong: Map<string, number>,
  gate: ToolGate,
  conversation: Conversation,
): Promise<ModelMessage> {
  const lost = isLost(wrong, call.name);
  const { text, outcome } = await callTool(
    call,
    lost ? refuseAll(gate) : gate,
    conversation,
  );
  if (outcome === "invalid_args") wrong.set(call.name, (wrong.get(call.name) ?? 0) + 1);
  const advice = outcome !== "invalid_args"
    ? ""
    : isLost(wrong, call.name)
    ? "; the tool is not available any more, answer without it"
    : "; call it once more with arguments that fit its schema";
  const said = {
    role: "tool",
    toolCallId: call.id,
    name: call.name,
    content: text + advice,
  } as const;
  return outcome === "ok" ? said : { ...said, isError: true };
}

/** Its tenant or agent may be switched off in the middle: nothing more is asked or done until it is on again. */
function assertAtWork(rules: PolicyResult): void {
  if (rules.kind === "refused" && rules.waits) throw new CodedError(rules.code, rules.reason);
}

/** A gate nothing passes, so that the call is on record like any other. */
function refuseAll(gate: ToolGate): ToolGate {
  return {
    ...gate,
    admit: ({ name }) => ({
      outcome: "not_allowed",
      text: `error: tool "${name}" was given wrong arguments too often`,
      limited: null,
    }),
  };
}

function isLost(wrong: ReadonlyMap<string, number>, name: string): boolean {
  return (wrong.get(name) ?? 0) >= MAX_WRONG_ARGUMENTS;
}

function openGate({ deps }: Conversation, policy: () => PolicyResult): ToolGate {
  return createToolGate({
    tools: deps.tools,
    policy,
    check: deps.check,
    take: deps.take,
    now: deps.now,
  });
}

/** What one call needs of its conversation. */
export interface CallPlace extends
  Pick<
    Conversation,
    "account" | "turnId" | "sessionId" | "inbounds" | "journal" | "hooks" | "signal"
  > {
  readonly record: Pick<TurnRecord, "rowsForToolCall">;
}

const parseFinished = (stored: unknown): FinishedCall => FinishedCall.parse(stored);

/** Three steps: the gate and the hooks before it, the call itself, the hooks after it. */
export async function callTool(
  call: GatedCall,
  gate: ToolGate,
  { account, turnId, sessionId, inbounds, journal, hooks, record, signal }: CallPlace,
): Promise<Pick<FinishedCall, "text" | "outcome">> {
  const before = hooks.beforeToolCall(call, gate);
  const admission = before instanceof Promise ? await before : before;
  const { callId } = admission;
  const [inbound] = inbounds;
  const finished = await journal.step((step) => {
    const args = admission.kind === "refused" ? call.arguments : admission.arguments;
    const ended = admission.kind === "refused"
      ? gate.refuse(call, admission.refusal)
      : whenHere(journal.settle(), () => {
        const meta = callMeta(sessionId, inbounds, callId);
        const context = { account, meta, signal, turnId, callId, inbound };
        return gate.run({ name: call.name, arguments: args }, context, admission);
      });
    return whenHere(ended, (result) => {
      const { text, outcome, durationMs, effect } = result;
      const rows = record.rowsForToolCall({ callId, step, arguments: args, result });
      return {
        result: { text, outcome, durationMs },
        writes: [...effect.writes ?? [], ...rows],
        onWritten: effect.onWritten,
      };
    });
  }, parseFinished);
  const after = hooks.afterToolCall({ tool: call.name, ...finished }, admission);
  const text = after instanceof Promise ? await after : after;
  return { text, outcome: finished.outcome };
}

/**
 * The one gate every tool call passes: allowed, arguments valid, within its limit; then run.
 *
 * @module
 */
import {
  type AgentEvent,
  type CallMeta,
  type Clock,
  CodedError,
  codeOf,
  type Inbound,
  messageOf,
} from "../contract/mod.ts";
import { type Soon, whenHere } from "../flow/soon.ts";
import { failSpan, inSpan, isTracing } from "../flow/trace.ts";
import type { ToolLimits, ToolLimitVerdict } from "../limits/tool_limits.ts";
import type { Write } from "../store/store.ts";
import type { Policy, PolicyResult, ToolNames } from "./policy.ts";
import type { SchemaCheck } from "./tool_schema.ts";

/** Something the model can call: a microapp's tool or a built-in one. */
export interface Tool extends ToolNames {
  /** Undefined for built-in tools, which are offered only where they are named. */
  readonly microappId: string | undefined;
  /** The one tenant whose agents may call it, or null for all. */
  readonly account: string | null;
  /** The agents that may call it; absent or null for all. */
  readonly agents?: readonly string[] | null;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** @throws {CodedError} when there is no answer; a tool's own refusal is a result that is not ok */
  readonly call: (args: unknown, context: ToolContext) => Promise<ToolReply>;
}

/** What a tool answers. */
export interface ToolReply {
  readonly ok: boolean;
  readonly text: string;
  /** Rows of a built-in tool, committed with the step: what it does, it does once. */
  readonly writes?: readonly Write[];
  /** Called once those are on disk, unless the process dies just then. */
  readonly onWritten?: () => void;
}

/** For whom a tool runs. */
export interface ToolContext {
  readonly account: string;
  readonly meta: CallMeta;
  readonly signal: AbortSignal;
  readonly turnId: string;
  /** Stable for this step of this turn, also when it runs again. */
  readonly callId: string;
  /** The first message the turn answers; its key is the conversation. */
  readonly inbound: Inbound;
}

/** How a call ended. */
export type ToolOutcome = Extract<AgentEvent, { kind: "tool_called" }>["outcome"];

/** What the model is told, and what is recorded. */
export interface GatedResult {
  readonly tool: string;
  readonly microappId: string | null;
  readonly outcome: ToolOutcome;
  readonly text: string;
  readonly startedAtMs: number;
  readonly durationMs: number;
  /** Set when the limit refused the call. */
  readonly limited: { readonly marker: string; readonly rps: number } | null;
  /** What the tool wants committed with the step, and who hears of it. */
  readonly effect: Pick<ToolReply, "writes" | "onWritten">;
}

/** What the gate needs. */
export interface ToolGateDeps {
  readonly tools: () => readonly Tool[];
  /** The policy as it is now, not as it was when the turn began. */
  readonly policy: () => PolicyResult;
  readonly check: SchemaCheck;
  readonly take: ToolLimits["take"];
  readonly now: Clock;
}

/** Whether a tool is there for this tenant under these rules. */
export function isOffered(tool: Tool, account: string, policy: Policy): boolean {
  if (tool.microappId === undefined) return policy.names(tool.name);
  return (tool.account === null || tool.account === account) &&
    (tool.agents == null || tool.agents.includes(policy.agent.id)) && policy.allows(tool);
}

/** Why a call does not come to its tool. */
export interface Refusal {
  readonly outcome: ToolOutcome;
  readonly text: string;
  readonly limited: GatedResult["limited"];
}

/** A call as it reaches the gate. */
export interface GatedCall {
  readonly name: string;
  readonly arguments: unknown;
}

/** The gate, in two steps, so that hooks can be asked between them. */
export interface ToolGate {
  /**
   * Lets a call pass, or says why not: not allowed, wrong arguments, over its limit. What it takes of
   * a limit is on disk then; rejects with what the store throws.
   */
  readonly admit: (call: GatedCall, account: string) => Soon<Refusal | undefined>;
  /**
   * Runs a call that was admitted. What may have changed since is checked again: whether the tool is
   * still there and allowed, and with `changed` the arguments. Only an abort makes it throw.
   */
  readonly run: (
    call: GatedCall,
    context: ToolContext,
    options: { readonly changed: boolean },
  ) => Soon<GatedResult>;
  /** The result of a call that does not come to its tool. */
  readonly refuse: (call: GatedCall, refusal: Refusal) => GatedResult;
}

const indexes = new WeakMap<readonly Tool[], ReadonlyMap<string, Tool>>();

/** The tools of a list by their names; of two with the same name the first counts. */
function indexOf(tools: readonly Tool[]): ReadonlyMap<string, Tool> {
  const known = indexes.get(tools);
  if (known !== undefined) return known;
  const index = new Map(tools.toReversed().map((tool) => [tool.name, tool]));
  indexes.set(tools, index);
  return index;
}

/** Returns the gate. */
export function createToolGate({ tools, policy, check, take, now }: ToolGateDeps): ToolGate {
  const find = (name: string): Tool | undefined => indexOf(tools()).get(name);

  /** The tool and its rules, or why it cannot be used here. */
  function allowed(
    { name }: GatedCall,
    account: string,
  ): { readonly tool: Tool; readonly policy: Policy } | Refusal {
    const rules = policy();
    if (rules.kind === "refused") return refusal("not_allowed", `error: ${rules.reason}`);
    const tool = find(name);
    if (tool !== undefined && isOffered(tool, account, rules.policy)) {
      return { tool, policy: rules.policy };
    }
    return refusal("not_allowed", `error: tool "${name}" is not available on this binding`);
  }

  function wrongArguments(tool: Tool, args: unknown): Refusal | undefined {
    const problem = check(tool.inputSchema, args);
    if (problem === undefined) return undefined;
    return refusal("invalid_args", `error: invalid arguments: ${problem}`);
  }

  /** Known at once where what it takes is on disk already. */
  function overOwnLimit(
    tool: Tool,
    account: string,
    { agent, bindingId, limits }: Policy,
  ): Soon<Refusal | undefined> {
    return whenHere(take({ account, agentId: agent.id, bindingId, tool, limits }), refusalOf);
  }

  async function overSomeLimit(
    tool: Tool,
    account: string,
    all: readonly Policy[],
  ): Promise<Refusal | undefined> {
    for (const rules of all) {
      const refused = await overOwnLimit(tool, account, rules);
      if (refused !== undefined) return refused;
    }
    return undefined;
  }

  /** Who works for others takes of their limits, too: or handing work on would be a way around them. */
  const overLimit = (tool: Tool, account: string, rules: Policy) =>
    rules.callers.length === 0
      ? overOwnLimit(tool, account, rules)
      : overSomeLimit(tool, account, [rules, ...rules.callers]);

  const resultOf = (
    { name }: GatedCall,
    { outcome, text, limited }: Refusal,
    startedAtMs = now(),
    effect: GatedResult["effect"] = {},
  ): GatedResult => ({
    tool: name,
    microappId: find(name)?.microappId ?? null,
    outcome,
    text,
    startedAtMs,
    durationMs: now() - startedAtMs,
    limited,
    effect,
  });

  return {
    admit(call, account) {
      const found = allowed(call, account);
      if (!("tool" in found)) return found;
      return wrongArguments(found.tool, call.arguments) ??
        overLimit(found.tool, account, found.policy);
    },
    run(call, context, { changed }) {
      const startedAtMs = now();
      const ended = (refused: Refusal, effect: GatedResult["effect"] = {}): GatedResult =>
        resultOf(call, refused, startedAtMs, effect);
      const found = allowed(call, context.account);
      if (!("tool" in found)) return ended(found);
      const wrong = changed ? wrongArguments(found.tool, call.arguments) : undefined;
      if (wrong !== undefined) return ended(wrong);
      return callOf(found.tool, call.arguments, context).then(
        (reply) => ended(refusal(reply.ok ? "ok" : "error", reply.text), reply),
        (error: unknown) => {
          if (context.signal.aborted) throw error;
          const said = error instanceof CodedError
            ? `${error.code}: ${error.message}`
            : messageOf(error);
          const outcome = codeOf(error) === "microapp_timeout" ? "timeout" : "error";
          return ended(refusal(outcome, `error: ${said}`));
        },
      );
    },
    refuse: (call, refused) => resultOf(call, refused),
  };
}

function refusalOf(verdict: ToolLimitVerdict): Refusal | undefined {
  if (verdict.ok) return undefined;
  const { marker, rps, retryAfterMs } = verdict;
  const seconds = Math.ceil(retryAfterMs / 1000);
  const text = `error: ${marker}: the tool may be called again in ${seconds} s`;
  return refusal("rate_limited", text, { marker, rps });
}

/** A call as a span, by the conventions of OpenTelemetry for generative models. */
function callOf(tool: Tool, args: unknown, context: ToolContext): Promise<ToolReply> {
  const { name, microappId } = tool;
  if (!isTracing()) return inSpan(name, {}, () => tool.call(args, context));
  const attributes = {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": name,
    "gen_ai.tool.call.id": context.callId,
    ...(microappId === undefined ? {} : { "nexo.microapp_id": microappId }),
  };
  return inSpan(`execute_tool ${name}`, { attributes }, async (span) => {
    const reply = await tool.call(args, context);
    if (!reply.ok) failSpan(span, "tool_error");
    return reply;
  });
}

function refusal(
  outcome: ToolOutcome,
  text: string,
  limited: Refusal["limited"] = null,
): Refusal {
  return { outcome, text, limited };
}

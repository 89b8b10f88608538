/**
 * The one gate every tool call passes: allowed, arguments valid, within its limit, then run.
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
import type { ToolLimits } from "../limits/tool_limits.ts";
import type { Write } from "../store/store.ts";
import type { Policy, PolicyResult, ToolNames } from "./policy.ts";
import type { SchemaCheck } from "./tool_schema.ts";

/** Something the model can call: a microapp's tool or a built-in one. */
export interface Tool extends ToolNames {
  /** Undefined for built-in tools, which are offered only where they are named. */
  readonly microappId: string | undefined;
  /** The one tenant whose agents may call it, or null for all. */
  readonly account: string | null;
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
  /** What the tool wants committed with the step. */
  readonly writes: readonly Write[];
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
  return (tool.account === null || tool.account === account) && policy.allows(tool);
}

/** Runs one tool call through the gate. Only an abort makes it throw. */
export type ToolGate = (
  call: { readonly name: string; readonly arguments: unknown },
  context: ToolContext,
) => Promise<GatedResult>;

/** Returns the gate. */
export function createToolGate({ tools, policy, check, take, now }: ToolGateDeps): ToolGate {
  return async function gate(call, context) {
    const startedAtMs = now();
    const tool = tools().find(({ name }) => name === call.name);
    const ended = (
      outcome: ToolOutcome,
      text: string,
      { limited = null, writes = [] }: Partial<Pick<GatedResult, "limited" | "writes">> = {},
    ): GatedResult => ({
      tool: call.name,
      microappId: tool?.microappId ?? null,
      outcome,
      text,
      startedAtMs,
      durationMs: now() - startedAtMs,
      limited,
      writes,
    });

    const rules = policy();
    if (rules.kind === "refused") return ended("not_allowed", `error: ${rules.reason}`);
    if (tool === undefined || !isOffered(tool, context.account, rules.policy)) {
      return ended("not_allowed", `error: tool "${call.name}" is not available on this binding`);
    }
    const problem = check(tool.inputSchema, call.arguments);
    if (problem !== undefined) return ended("invalid_args", `error: invalid arguments: ${problem}`);
    const verdict = take({
      account: context.account,
      agentId: rules.policy.agent.id,
      bindingId: rules.policy.bindingId,
      tool,
      limits: rules.policy.limits,
    });
    if (!verdict.ok) {
      const seconds = Math.ceil(verdict.retryAfterMs / 1000);
      return ended(
        "rate_limited",
        `error: rate limited: tool "${call.name}" may be called again in ${seconds} s`,
        { limited: { marker: verdict.marker, rps: verdict.rps } },
      );
    }
    try {
      const { ok, text, writes = [] } = await tool.call(call.arguments, context);
      return ended(ok ? "ok" : "error", text, { writes });
    } catch (error) {
      if (context.signal.aborted) throw error;
      const timedOut = codeOf(error) === "microapp_timeout";
      const said = error instanceof CodedError
        ? `${error.code}: ${error.message}`
        : messageOf(error);
      return ended(timedOut ? "timeout" : "error", `error: ${said}`);
    }
  };
}

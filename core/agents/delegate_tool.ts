/**
 * The built-in tool `delegate`: another agent does a task, and its answer is the tool's result.
 *
 * The task is a turn of the other agent, run within the turn that hands it on: it needs no place of
 * its own among the turns at once, so a waiting caller can never hold the place its task waits for.
 *
 * @module
 */
import { z } from "zod";
import { type Clock, type ConversationKey, type Inbound, uuidOf } from "../contract/mod.ts";
import { sha256 } from "../flow/sha256.ts";
import type { Inbounds } from "../queues/inbounds.ts";
import type { Settings } from "../settings/settings.ts";
import type { Store } from "../store/store.ts";
import { colleaguesOf, DELEGATE } from "./colleagues.ts";
import { policyOf } from "./policy.ts";
import { sessionIdOf } from "./session.ts";
import type { Tool, ToolContext, ToolReply } from "./tool_gate.ts";
import type { TurnDeps, TurnJob, TurnResult } from "./turn_types.ts";

const DEFAULT_SECS = 60;
const MAX_SECS = 600;
const MAX_TASK_CHARS = 16_384;
/** How far back the answer of a task that was done before is looked for, in messages. */
const ANSWER_DEPTH = 50;

const Arguments = z.object({
  agent_id: z.string().min(1).max(64),
  task: z.string().trim().min(1).max(MAX_TASK_CHARS),
  timeout_secs: z.int().min(1).max(MAX_SECS).default(DEFAULT_SECS),
});

const INPUT_SCHEMA = {
  type: "object",
  properties: {
    agent_id: { type: "string", description: "who shall do it" },
    task: {
      type: "string",
      maxLength: MAX_TASK_CHARS,
      description: "everything the other agent has to know; it does not see this conversation",
    },
    timeout_secs: { type: "integer", minimum: 1, maximum: MAX_SECS },
  },
  required: ["agent_id", "task"],
  additionalProperties: false,
} as const;

/** What the tool needs. */
export interface DelegateToolDeps {
  readonly settings: () => Settings;
  readonly store: Store;
  readonly inbounds: Inbounds;
  readonly history: TurnDeps["history"];
  /** Runs a turn to its end. Rejects when `signal` aborts. */
  readonly run: (job: TurnJob, signal: AbortSignal) => Promise<TurnResult>;
  /** How a turn of a tenant ended; undefined when it is not on record. */
  readonly endOf: (
    account: string,
    turnId: string,
  ) => Promise<{ readonly outcome: string; readonly error: string | null } | undefined>;
  readonly now: Clock;
}

/** Returns the tool. */
export function createDelegateTool(deps: DelegateToolDeps): Tool {
  const { settings, store, inbounds, now } = deps;

  /** The task as a message of the other agent; the same for the same call. */
  function taskOf(
    { agent_id, task }: z.infer<typeof Arguments>,
    { callId, inbound: { key, delegation } }: ToolContext,
  ): Inbound {
    const origin = sessionIdOf(key);
    return {
      id: uuidOf(sha256, "task", callId),
      key: {
        account_id: key.account_id,
        agent_id,
        channel: "delegation",
        instance: key.agent_id,
        contact: origin,
      },
      trigger: "delegation",
      kind: "inter_session",
      text: task,
      templated: false,
      sender_id: key.agent_id,
      sender_name: null,
      parts: [],
      chat: "direct",
      edit_of_msg_id: null,
      reply_address: null,
      msg_id: callId,
      reply_to_msg_id: null,
      sent_at_ms: now(),
      event_source: null,
      delegation: { callers: [...delegation?.callers ?? [], key], origin_session_id: origin },
      envelope_id: null,
      delivery_id: null,
      hops: 0,
    };
  }

  /** Runs the task, or finds what came of it when an earlier run had it done. */
  async function perform(
    task: Inbound,
    { callId, account, signal }: ToolContext,
    limitMs: number,
  ): Promise<ToolReply> {
    const turnId = uuidOf(sha256, "task-turn", callId);
    const known = await inbounds.find(account, task.id);
    if (known === undefined) {
      await store.commit(inbounds.rowsForQueued(task, sessionIdOf(task.key), now()));
    }
    const end = known === undefined ? undefined : await deps.endOf(account, turnId);
    if (end !== undefined) return replyOf({ ...end, reply: await answerOf(task.key) });
    const result = await deps.run({
      turnId,
      account,
      inboundIds: [task.id],
      attempts: 0,
      starts: known?.starts ?? 0,
      recovered: known !== undefined,
      limitMs,
    }, signal);
    return result.kind === "finished"
      ? replyOf(result)
      : { ok: false, text: `error: agent "${task.key.agent_id}" cannot take the task now` };
  }

  async function answerOf(key: ConversationKey): Promise<string | null> {
    const { messages } = await deps.history({
      account: key.account_id,
      agentId: key.agent_id,
      sessionId: sessionIdOf(key),
      limit: ANSWER_DEPTH,
    });
    return messages.findLast(({ message }) => message.role === "assistant")?.message.content ??
      null;
  }

  return {
    name: DELEGATE,
    ownName: DELEGATE,
    microappId: undefined,
    account: null,
    description:
      "Hands a task to another agent and returns its answer. The other agent knows only what you " +
      "write and what you two exchanged in this conversation before.",
    inputSchema: INPUT_SCHEMA,
    async call(given, context) {
      const args = Arguments.safeParse(given);
      if (!args.success) return refused(args.error.issues[0]?.message ?? "wrong arguments");
      const { inbound } = context;
      const rules = policyOf(settings(), inbound.key, inbound.delegation?.callers);
      if (rules.kind === "refused") return refused(rules.reason);
      const colleagues = colleaguesOf(rules.policy, inbound, settings());
      if (!colleagues.some(({ id }) => id === args.data.agent_id)) {
        const known = colleagues.map(({ id }) => id).join(", ");
        return refused(
          known === ""
            ? "there is nobody here to hand work to"
            : `there is no such agent to hand work to; there are: ${known}`,
        );
      }
      const task = taskOf(args.data, context);
      return perform(task, context, args.data.timeout_secs * 1_000);
    },
  };
}

function refused(reason: string): ToolReply {
  return { ok: false, text: `error: ${reason}` };
}

function replyOf(
  { outcome, error, reply }: {
    readonly outcome: string;
    readonly error: string | null;
    readonly reply: string | null;
  },
): ToolReply {
  return outcome === "ok"
    ? { ok: true, text: reply ?? "" }
    : { ok: false, text: `error: the task was not done: ${error ?? outcome}` };
}

/**
 * A person takes a conversation over from an agent, answers, and hands it back.
 *
 * @module
 */
import type { Admin, ParamsOf, ResultOf } from "./admin.ts";

/** A conversation to take over, as the scope `conversation` has it. */
export interface ConversationScope {
  readonly agent_id: string;
  readonly channel: string;
  /** The tenant or instance. */
  readonly account_id: string;
  readonly contact_id: string;
  readonly mcp_channel_source?: string;
}

/** How core is told to pause, beside of what. */
export type PauseOptions = Omit<ParamsOf<"processing/pause">, "scope">;

/** How core is told to resume; `summary` is what the agent is told, up to 4096 characters. */
export type ResumeOptions =
  & Omit<ParamsOf<"processing/resume">, "scope" | "summary_for_agent">
  & { readonly summary?: string };

type Reply = Extract<ParamsOf<"processing/intervention">["action"], { kind: "reply" }>;
type Attachments = NonNullable<Reply["attachments"]>;

/** A reply a person writes. */
export interface HumanReply extends Omit<ParamsOf<"processing/intervention">, "scope" | "action"> {
  readonly body: string;
  /** @default {"text"} */
  readonly msg_kind?: string;
  readonly attachments?: Attachments;
  readonly reply_to_msg_id?: string;
}

/** The steps of a takeover. It is core that remembers the pause: any process may do the next step. */
export interface Takeover {
  /** The agent falls silent; messages that come are kept for it. Harmless when repeated. */
  readonly pause: (options?: PauseOptions) => Promise<ResultOf<"processing/pause">>;
  /** Says something to the contact in the agent's place. */
  readonly reply: (
    reply: string | HumanReply,
  ) => Promise<ResultOf<"processing/intervention">>;
  /** The agent goes on, with what came meanwhile. */
  readonly resume: (options?: ResumeOptions) => Promise<ResultOf<"processing/resume">>;
  readonly isPaused: () => Promise<boolean>;
}

/** Builds the steps for one conversation; does nothing yet. */
export function createTakeover(
  { call }: Pick<Admin, "call">,
  conversation: ConversationScope,
): Takeover {
  const scope = { ...conversation, kind: "conversation" as const };
  return {
    pause: (options = {}) => call("processing/pause", { scope, ...options }),
    reply(given) {
      const { body, msg_kind, attachments, reply_to_msg_id, ...options } = typeof given === "string"
        ? { body: given }
        : given;
      const { channel, account_id, contact_id: to } = conversation;
      const action = {
        kind: "reply" as const,
        channel,
        account_id,
        to,
        body,
        msg_kind: msg_kind ?? "text",
        ...(attachments === undefined ? {} : { attachments }),
        ...(reply_to_msg_id === undefined ? {} : { reply_to_msg_id }),
      };
      return call("processing/intervention", { scope, action, ...options });
    },
    resume: ({ summary, ...options } = {}) =>
      call("processing/resume", {
        scope,
        ...options,
        ...(summary === undefined ? {} : { summary_for_agent: summary }),
      }),
    async isPaused() {
      const { state } = await call("processing/state", { scope });
      return state.state === "paused_by_operator";
    },
  };
}

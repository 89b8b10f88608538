/**
 * A person takes a conversation over from an agent, answers, and hands it back.
 *
 * @module
 */
import type { AdminClient } from "./admin.ts";

/** A conversation to take over, as the scope `conversation` has it. */
export interface ConversationScope {
  readonly agent_id: string;
  readonly channel: string;
  /** The tenant or instance. */
  readonly account_id: string;
  readonly contact_id: string;
  readonly mcp_channel_source?: string;
}

/** What core says to each step. */
export interface ProcessingAck {
  /** False when it was so already. */
  readonly changed: boolean;
  readonly correlation_id: string;
  /** Whether the step is in the transcript. */
  readonly transcript_stamped?: boolean;
  /** How many messages that came meanwhile the agent now gets. */
  readonly drained_pending?: number;
}

/** A reply a person writes. */
export interface HumanReply {
  readonly body: string;
  /** @default {"text"} */
  readonly msg_kind?: string;
  readonly attachments?: readonly unknown[];
  readonly reply_to_msg_id?: string;
  readonly session_id?: string;
}

/** The steps of a takeover. It is core that remembers the pause: any process may do the next step. */
export interface Takeover {
  /** The agent falls silent; messages that come are kept for it. Harmless when repeated. */
  readonly pause: (options?: { readonly reason?: string }) => Promise<ProcessingAck>;
  /** Says something to the contact in the agent's place. */
  readonly reply: (reply: string | HumanReply) => Promise<ProcessingAck>;
  /** The agent goes on, with what came meanwhile and with what `summary` tells it, up to 4096 characters. */
  readonly resume: (
    options?: { readonly summary?: string; readonly session_id?: string },
  ) => Promise<ProcessingAck>;
  readonly isPaused: () => Promise<boolean>;
}

/** Builds the steps for one conversation; does nothing yet. */
export function createTakeover(
  { request }: Pick<AdminClient, "request">,
  conversation: ConversationScope,
): Takeover {
  const scope = { ...conversation, kind: "conversation" as const };
  const step = async (name: string, params: Readonly<Record<string, unknown>>) =>
    await request(`processing/${name}`, { scope, ...params }) as ProcessingAck;
  return {
    pause: (options = {}) => step("pause", options),
    reply(given) {
      const { session_id, ...reply } = typeof given === "string" ? { body: given } : given;
      const { channel, account_id, contact_id: to } = conversation;
      const action = { kind: "reply", channel, account_id, to, msg_kind: "text", ...reply };
      return step("intervention", session_id === undefined ? { action } : { action, session_id });
    },
    resume({ summary, session_id } = {}) {
      return step("resume", {
        ...(summary === undefined ? {} : { summary_for_agent: summary }),
        ...(session_id === undefined ? {} : { session_id }),
      });
    },
    async isPaused() {
      const { state } = await request("processing/state", { scope }) as {
        state: { state: string };
      };
      return state.state === "paused_by_operator";
    },
  };
}

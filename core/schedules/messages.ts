/**
 * What a time says to an agent.
 *
 * @module
 */
import {
  type AgentConfig,
  AgentTurnConfig,
  type ConversationKey,
  type Inbound,
  type PollerJob,
} from "../contract/mod.ts";
import type { Settings } from "../settings/settings.ts";
import { tenantOf } from "../settings/tenant.ts";
import type { Schedule } from "./schedule.ts";

/** The channel of turns that no person and no event began. */
export const TIMER_CHANNEL = "timer";
/** The kind of job that runs a turn instead of looking outside. */
export const AGENT_TURN = "agent_turn";

/** What a time says, where, and to whom an answer goes when it is not the contact. */
export interface TimerWords
  extends Pick<Inbound, "key" | "text">, Partial<Pick<Inbound, "chat" | "reply_address">> {}

/** A message from a schedule. */
export function timerInbound(
  id: string,
  { key, text, chat = "direct", reply_address = null }: TimerWords,
  slotMs: number,
): Inbound {
  return {
    id,
    key,
    trigger: "timer",
    kind: "internal_system",
    text,
    templated: false,
    sender_id: null,
    sender_name: null,
    parts: [],
    chat,
    edit_of_msg_id: null,
    reply_address,
    msg_id: null,
    reply_to_msg_id: null,
    sent_at_ms: slotMs,
    event_source: null,
    envelope_id: null,
    delivery_id: null,
    hops: 0,
  };
}

/** What an agent hears of a reminder; it must not take it for a person's words. */
export function reminderText(text: string): string {
  return `It is time for what you scheduled in this conversation: ${text}`;
}

/** What an agent hears at each heartbeat. */
export function heartbeatText(slotMs: number): string {
  return `<heartbeat at="${new Date(slotMs).toISOString()}"/>`;
}

/** The conversation of what has no contact: one for each agent and schedule. */
export function timerKey(account: string, agentId: string, name: string): ConversationKey {
  return {
    account_id: account,
    agent_id: agentId,
    channel: TIMER_CHANNEL,
    instance: name,
    contact: name,
  };
}

/** Prompt and conversation of a job of kind `agent_turn`, or why there is none. */
export function agentTurnOf(
  job: Pick<PollerJob, "id" | "agent" | "config">,
  account: string,
  settings: Settings,
): TimerWords | { readonly problem: string } {
  const config = AgentTurnConfig.safeParse(job.config);
  if (!config.success) {
    const [issue] = config.error.issues;
    return { problem: `config.${issue?.path.join(".") ?? ""}: ${issue?.message ?? "is wrong"}` };
  }
  const { user_prompt: text, deliver } = config.data;
  if (deliver === undefined) return { text, key: timerKey(account, job.agent, job.id) };
  const contact = deliver.to ?? deliver.recipient;
  if (contact === undefined) return { problem: "config.deliver: to is missing" };
  const agent = settings.agents.get(job.agent);
  const instance = agent === undefined
    ? undefined
    : instanceFor(agent, account, deliver.channel, deliver.instance, settings);
  if (instance === undefined) {
    return {
      problem: `agent "${job.agent}" has no binding for ${deliver.channel} of tenant "${account}"`,
    };
  }
  const { channel } = deliver;
  return { text, key: { account_id: account, agent_id: job.agent, channel, instance, contact } };
}

/** The instance of a channel on which an agent writes to people for a tenant; the first of several. */
export function instanceFor(
  agent: AgentConfig,
  account: string,
  channel: string,
  wanted: string | undefined,
  settings: Settings,
): string | undefined {
  return agent.inbound_bindings
    .filter(({ plugin }) => plugin === channel)
    .map(({ instance }) => instance ?? "default")
    .find((instance) =>
      (wanted === undefined || wanted === instance) &&
      tenantOf(settings, agent, channel, instance) === account
    );
}

/** Finds the job a schedule stands for. */
export function jobOf(
  { kind, name }: Pick<Schedule, "kind" | "name">,
  { pollers }: Pick<Settings, "pollers">,
): PollerJob | undefined {
  return kind === "poller" ? pollers.jobs.find(({ id }) => id === name) : undefined;
}

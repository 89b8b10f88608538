/**
 * What a job sends: rows of the outbox, and of the transcripts for people to read.
 *
 * @module
 */
import { outboundRefusal } from "../agents/outbound_fence.ts";
import {
  type Clock,
  CodedError,
  type ConversationKey,
  textOfBody,
  uuidOf,
} from "../contract/mod.ts";
import { sha256 } from "../flow/sha256.ts";
import type { Outbound, QueuedOutbound } from "../queues/outbound.ts";
import type { Outbox } from "../queues/outbox.ts";
import type { RowsForTranscript } from "../record/transcript_rows.ts";
import type { Settings } from "../settings/settings.ts";
import { instanceFor } from "./messages.ts";
import type { Schedule } from "./schedule.ts";

/** How long a delivery may wait for its channel, in milliseconds. */
const DELIVERY_TTL_MS = 86_400_000;

/** What sending needs. */
export interface PollSendDeps {
  readonly outbox: Outbox;
  readonly transcriptRows: RowsForTranscript;
  readonly settings: () => Settings;
  readonly sessionIdOf: (key: ConversationKey) => string;
  readonly now: Clock;
}

/** What a job sends. */
export interface PollSends {
  /**
   * A message to `contact`; `part` tells it from all others of the job, so that it is sent once.
   *
   * @throws {CodedError} `outbound_failed` when the agent may not write there for this tenant
   */
  outboundTo(
    schedule: Schedule,
    channel: string,
    contact: string,
    message: { readonly text: string; readonly part: string },
  ): Outbound;
  sendRows(outbounds: readonly Outbound[]): QueuedOutbound;
}

/** Returns what makes a job's messages. */
export function createPollSends(deps: PollSendDeps): PollSends {
  const { settings, now } = deps;
  return {
    outboundTo({ id, account, agentId }, channel, contact, { text, part }) {
      const agent = settings().agents.get(agentId);
      const instance = agent === undefined
        ? undefined
        : instanceFor(agent, account, channel, undefined, settings());
      if (instance === undefined) {
        const reason = `agent "${agentId}" does not answer ${channel} for tenant "${account}"`;
        throw new CodedError("outbound_failed", `Cannot deliver: ${reason}`);
      }
      const key = { account_id: account, agent_id: agentId, channel, instance, contact };
      const outbound: Outbound = {
        ...key,
        id: uuidOf(sha256, "poll", id, part),
        session_id: deps.sessionIdOf(key),
        turn_id: null,
        body: { kind: "text", text, to: null, reply_to_msg_id: null },
        expires_at_ms: now() + DELIVERY_TTL_MS,
      };
      const refusal = outboundRefusal(settings(), outbound);
      if (refusal === undefined || refusal.later) return outbound;
      throw new CodedError(refusal.code, `Cannot deliver: ${refusal.reason}`);
    },
    sendRows(outbounds) {
      const nowMs = now();
      const queued = outbounds.map((outbound) => deps.outbox.queue(outbound, nowMs));
      const said = outbounds.flatMap((outbound) =>
        deps.transcriptRows({
          account: outbound.account_id,
          agentId: outbound.agent_id,
          sessionId: outbound.session_id,
          entries: [{
            role: "assistant",
            text: textOfBody(outbound.body),
            sourcePlugin: outbound.channel,
            messageId: outbound.id,
            sentAtMs: nowMs,
          }],
        })
      );
      return {
        writes: [...queued.flatMap(({ writes }) => writes), ...said],
        items: queued.flatMap(({ items }) => items),
      };
    },
  };
}

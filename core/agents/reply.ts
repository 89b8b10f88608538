/**
 * A turn's reply on its way to whoever wrote.
 *
 * @module
 */
import type { OutboundBody } from "../contract/mod.ts";
import type { Outbound } from "../queues/outbound.ts";
import { sessionIdOf, stepId } from "./session.ts";
import type { TurnInbounds } from "./turn_types.ts";

/** How long a reply may wait for its channel before it is a dead letter, in milliseconds. */
const REPLY_TTL_MS = 3_600_000;
/** The step number that stands for the reply in the ids of what is sent. */
const REPLY_STEP = -1;

/** The reply as the outbox takes it; a turn has one at most, however often it runs. */
export function replyOutbound(
  text: string,
  { code, turnId, inbounds, nowMs }: {
    /** A code in the text that the reader is to pass on. */
    code: string | undefined;
    turnId: string;
    inbounds: TurnInbounds;
    nowMs: number;
  },
): Outbound {
  const { key } = inbounds[0];
  return {
    id: stepId(turnId, REPLY_STEP, "send"),
    ...key,
    session_id: sessionIdOf(key),
    turn_id: turnId,
    body: replyBody(text, code, inbounds),
    expires_at_ms: nowMs + REPLY_TTL_MS,
  };
}

/** A reply to the newest message; in a room it says which one it answers. */
function replyBody(
  text: string,
  code: string | undefined,
  inbounds: TurnInbounds,
): OutboundBody {
  const last = inbounds.at(-1) ?? inbounds[0];
  const { reply_address: to, msg_id: answers } = last;
  return last.chat === "group" && answers !== null
    ? { kind: "reply", text, to, reply_to_msg_id: answers }
    : {
      kind: "text",
      text,
      ...(code === undefined ? {} : { code }),
      to,
      reply_to_msg_id: answers,
    };
}

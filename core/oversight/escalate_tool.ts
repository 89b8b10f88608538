/**
 * The built-in tool `escalate_to_human`: the model says why, the host knows of whom.
 *
 * @module
 */
import { z } from "zod";
import { EscalationReason, EscalationUrgency, type Inbound } from "../contract/mod.ts";
import type { Escalations } from "./escalations.ts";

const Arguments = z.object({
  summary: z.string().trim().min(1).max(500).describe(
    "What the person must know to go on, in one or two sentences",
  ),
  reason: EscalationReason.describe("Why you cannot go on alone"),
  urgency: EscalationUrgency.default("normal"),
  context: z.record(z.string(), z.json()).optional().describe(
    "Facts a person needs, such as an order number",
  ),
});

const SAID = {
  requested: "A person has been asked to look at this conversation. Tell the customer so, briefly.",
  already_pending: "already_pending: a person has been asked before and has not answered yet.",
} as const;

/** For which step of which turn a tool runs. */
interface Calling {
  readonly callId: string;
  readonly inbound: Inbound;
}

/** Returns the tool; `enabled` is asked at each call. */
export function createEscalateTool(
  { escalations, enabled }: {
    escalations: Pick<Escalations, "request">;
    enabled: () => boolean;
  },
) {
  return {
    name: "escalate_to_human",
    ownName: "escalate_to_human",
    microappId: undefined,
    account: null,
    description: "Asks a person of the team to look at this conversation. Use it when you cannot " +
      "help, must not decide, or the customer asks for a person.",
    inputSchema: z.toJSONSchema(Arguments, { io: "input", target: "draft-7" }),
    async call(
      args: unknown,
      { callId, inbound }: Calling,
    ): Promise<{ ok: boolean; text: string }> {
      if (!enabled()) return { ok: false, text: "error: escalations are switched off" };
      const { summary, reason, urgency, context } = Arguments.parse(args);
      const outcome = await escalations.request(inbound.key, {
        id: callId,
        summary,
        reason,
        urgency,
        context,
      });
      if (outcome.kind !== "throttled") return { ok: true, text: SAID[outcome.kind] };
      const seconds = Math.ceil(outcome.retryAfterMs / 1_000);
      return {
        ok: false,
        text: `error: throttled: at most 3 times an hour; possible again in ${seconds} s ` +
          `(cap 3, window_ms 3600000, retry_after_ms ${outcome.retryAfterMs})`,
      };
    },
  };
}

/**
 * Tools for people who look after conversations: reading, taking over, escalations.
 *
 * @module
 */
import { tool, z } from "nexo-microapps/sdk";
import { ownAgents, requireOwnAgent } from "./own.ts";

const agent_id = z.string().min(1).max(64);
const conversation = { agent_id, channel: z.string().min(1), contact_id: z.string().min(1) };

/** `conversation_*`. */
export const conversationTools = {
  conversation_list: tool({
    description: "Lists an agent's latest conversations, with the last thing said in each.",
    input: z.object({ agent_id, limit: z.int().min(1).max(200).optional() }),
    async handle({ agent_id: agentId, limit = 50 }, context) {
      await requireOwnAgent(agentId, context);
      const { events } = await context.admin.call("agent_events/list", {
        agent_id: agentId,
        kind: "transcript_appended",
        tenant_id: context.accountId,
        limit: 1_000,
      });
      const latest = new Map<string, unknown>();
      for (const event of events) {
        if (event.kind !== "transcript_appended" || latest.has(event.session_id)) continue;
        const { session_id, role, body, sent_at_ms, source_plugin } = event;
        latest.set(session_id, { session_id, role, body, sent_at_ms, source_plugin });
      }
      return { conversations: [...latest.values()].slice(0, limit) };
    },
  }),
  conversation_read: tool({
    description: "Reads what was said in a conversation.",
    input: z.object({ agent_id, session_id: z.uuid(), since_seq: z.int().min(0).optional() }),
    async handle({ agent_id: agentId, session_id, since_seq }, context) {
      await requireOwnAgent(agentId, context);
      return context.admin.call("agent_events/read", {
        agent_id: agentId,
        session_id,
        since_seq,
        tenant_id: context.accountId,
      });
    },
  }),
  conversation_search: tool({
    description: "Finds what was said by words.",
    input: z.object({ agent_id, query: z.string().min(1).max(200) }),
    async handle({ agent_id: agentId, query }, context) {
      await requireOwnAgent(agentId, context);
      return context.admin.call("agent_events/search", {
        agent_id: agentId,
        query,
        tenant_id: context.accountId,
      });
    },
  }),
};

/** `takeover_*`. */
export const takeoverTools = {
  takeover_engage: tool({
    description: "A person takes a conversation over; the agent falls silent in it.",
    input: z.object({ ...conversation, reason: z.string().max(500).optional() }),
    async handle({ reason, ...given }, context) {
      await requireOwnAgent(given.agent_id, context);
      const takeover = context.takeover({ ...given, account_id: context.accountId });
      return takeover.pause(reason === undefined ? {} : { reason });
    },
  }),
  takeover_send: tool({
    description: "Says something to the contact in the agent's place, during a takeover.",
    input: z.object({ ...conversation, body: z.string().min(1).max(8_000) }),
    async handle({ body, ...given }, context) {
      await requireOwnAgent(given.agent_id, context);
      return context.takeover({ ...given, account_id: context.accountId }).reply(body);
    },
  }),
  takeover_release: tool({
    description: "Gives the conversation back to the agent, with a summary of what happened.",
    input: z.object({
      ...conversation,
      session_id: z.uuid().optional().describe("Needed with a summary; conversation_list has it"),
      summary: z.string().min(1).max(4_096).optional(),
    }),
    async handle({ summary, session_id, ...given }, context) {
      await requireOwnAgent(given.agent_id, context);
      const takeover = context.takeover({ ...given, account_id: context.accountId });
      return takeover.resume({
        ...(summary === undefined ? {} : { summary }),
        ...(session_id === undefined ? {} : { session_id }),
      });
    },
  }),
};

/** `escalation_*`. */
export const escalationTools = {
  escalation_list: tool({
    description: "Lists what agents could not settle and passed on to people.",
    input: z.object({ filter: z.enum(["pending", "resolved", "all"]).optional() }),
    handle: ({ filter = "pending" }, { admin, accountId }) =>
      admin.call("nexo/admin/escalations/list", { filter, tenant_id: accountId }),
  }),
  escalation_resolve: tool({
    description: "Marks an escalation as settled.",
    input: z.object({
      ...conversation,
      by: z.enum(["dismissed", "takeover"]),
      dismiss_reason: z.string().max(500).optional(),
    }),
    async handle({ by, dismiss_reason, ...given }, context) {
      await requireOwnAgent(given.agent_id, context);
      return context.admin.call("nexo/admin/escalations/resolve", {
        scope: { kind: "conversation", account_id: context.accountId, ...given },
        by,
        ...(dismiss_reason === undefined ? {} : { dismiss_reason }),
      });
    },
  }),
};

/** `usage_summary`. */
export const usageTools = {
  usage_summary: tool({
    description: "Says what this customer's agents used since a time.",
    input: z.object({ days: z.int().min(1).max(366).optional() }),
    async handle({ days = 30 }, context) {
      const since_ms = Date.now() - days * 86_400_000;
      const { usage } = await context.admin.call("nexo/admin/usage/list", {
        tenant_id: context.accountId,
        since_ms,
      }) as { usage: unknown };
      return { agents: await ownAgents(context), days, usage };
    },
  }),
};

/**
 * The built-in tool `search_history`: what was said before, redacted, of the own tenant alone.
 *
 * @module
 */
import { z } from "zod";
import { type Inbound, INNER_CHANNELS } from "../contract/mod.ts";
import type { TranscriptSearch } from "../record/search.ts";
import { sessionIdOf } from "./session.ts";
import type { Tool, ToolReply } from "./tool_gate.ts";

const DEFAULT_HITS = 10;
const MAX_HITS = 50;
const MAX_QUERY_CHARS = 256;

const Arguments = z.object({
  query: z.string().trim().min(1).max(MAX_QUERY_CHARS),
  scope: z.enum(["conversation", "agent"]).default("conversation"),
  limit: z.int().min(1).max(MAX_HITS).default(DEFAULT_HITS),
});

const INPUT_SCHEMA = {
  type: "object",
  properties: {
    query: { type: "string", maxLength: MAX_QUERY_CHARS, description: "words that were said" },
    scope: {
      type: "string",
      enum: ["conversation", "agent"],
      description: "this conversation, or all of yours; the latter only where no person is in it",
    },
    limit: { type: "integer", minimum: 1, maximum: MAX_HITS },
  },
  required: ["query"],
  additionalProperties: false,
} as const;

/** Returns the tool. */
export function createSearchHistoryTool({ search }: Pick<TranscriptSearch, "search">): Tool {
  return {
    name: "search_history",
    ownName: "search_history",
    microappId: undefined,
    account: null,
    description: "Finds what was said before, newest first. Matches stand in [ ].",
    inputSchema: INPUT_SCHEMA,
    async call(given, { account, inbound }): Promise<ToolReply> {
      const args = Arguments.safeParse(given);
      if (!args.success) return refused(args.error.issues[0]?.message ?? "wrong arguments");
      const { query, scope, limit } = args.data;
      if (scope === "agent" && hasPerson(inbound)) {
        return refused("a person is in this conversation, who must not hear what others said");
      }
      const sessionId = scope === "conversation" ? sessionIdOf(inbound.key) : undefined;
      const hits = await search({
        accounts: [account],
        agentId: inbound.key.agent_id,
        text: query,
        sessionId,
        limit,
      });
      return {
        ok: true,
        text: JSON.stringify({
          hits: hits.map(({ timestamp_ms, role, snippet, session_id }) => ({
            at: new Date(timestamp_ms).toISOString(),
            role,
            text: snippet,
            ...(sessionId === undefined ? { conversation: session_id } : {}),
          })),
        }),
      };
    },
  };
}

/** Whether what is said here may reach a person, also by way of those who handed the task on. */
function hasPerson({ key, delegation }: Inbound): boolean {
  return [key, ...delegation?.callers ?? []]
    .some(({ channel }) => !INNER_CHANNELS.includes(channel));
}

function refused(reason: string): ToolReply {
  return { ok: false, text: `error: ${reason}` };
}

/**
 * `agents[].channels`: the MCP servers an agent hears people through.
 *
 * @module
 */
import { z } from "zod";
import { block, list, optional, Text, withDefault } from "./block.ts";
import { SenderRateLimit } from "./limits.ts";

/** A server an operator has looked at and lets in. */
const ApprovedChannel = z.strictObject({
  /** As in `mcp.yaml`, or `<microapp>.<name>`. */
  server: Text,
  /** The microapp the server must come from, before an `@`; absent means any. */
  plugin_source: optional(Text),
  /** The server's tool that sends an answer. */
  outbound_tool_name: withDefault(Text, "send_message"),
  /** How often one sender may write; absent: `default_rate_limit`. */
  rate_limit: optional(SenderRateLimit),
  /** Senders and chats that are heard, as the server names them; empty means all. */
  allowlist: list(z.union([z.string(), z.int()]).transform(String)),
});
/** See {@linkcode ApprovedChannel}. */
export type ApprovedChannel = z.infer<typeof ApprovedChannel>;

/** See {@linkcode ApprovedChannel}; nobody is heard before `enabled` is set. */
export const AgentChannels = block({
  enabled: withDefault(z.boolean(), false),
  /** Characters of one message; what is longer is cut. 0 means no limit. */
  max_content_chars: withDefault(
    z.int().refine((chars) => chars === 0 || chars >= 64, "must be 0 or at least 64"),
    16_000,
  ),
  default_rate_limit: optional(SenderRateLimit),
  approved: list(ApprovedChannel),
});

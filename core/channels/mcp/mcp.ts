/**
 * MCP: servers that bring people's words as notifications and send answers with a tool.
 *
 * Who is heard is decided by each agent's approvals; nothing a server or a person says changes that.
 *
 * @module
 */
import { CodedError, codeOf, messageOf, type OutboundBody } from "../../contract/mod.ts";
import type { Outbound } from "../../queues/outbound.ts";
import { approvalOf, MCP_CHANNEL } from "../../settings/mcp_channels.ts";
import { answererOf } from "../answerer.ts";
import type { Channel, NotReady, SendResult } from "../channel.ts";
import type { ChannelDeps, ChannelKind } from "../kind.ts";
import { hearNotice, placesIn } from "./notices.ts";

/** Names a server may give to what is said, best first. */
const TEXT_FIELDS = ["text", "content", "message", "body"];
const REPLY_FIELDS = ["reply_to", "reply_to_message_id", "in_reply_to"];

/** See {@linkcode ChannelKind}. */
export const mcp: ChannelKind = {
  id: MCP_CHANNEL,
  textLimit: Number.MAX_SAFE_INTEGER,
  open(deps): Channel {
    return {
      id: MCP_CHANNEL,
      sends: new Set(["text", "reply"]),
      repeats: false,
      ready: (instance) => Promise.resolve(unready(instance, deps)),
      hear({ body_json, received_at_ms }, instance) {
        const settings = deps.settings();
        const { agentId } = answererOf(settings, MCP_CHANNEL, instance, { suspended: "accept" });
        const agent = settings.agents.get(agentId);
        const approval = agent && approvalOf(agent, instance);
        if (agent === undefined || approval === undefined) return { messages: [], receipts: [] };
        const rules = {
          maxChars: agent.channels.max_content_chars,
          allowlist: approval.allowlist,
        };
        const message = hearNotice(body_json, rules, received_at_ms);
        return { messages: message === undefined ? [] : [message], receipts: [] };
      },
      send: (outbound, { signal }) => send(outbound, deps, signal),
    };
  },
};

/** Why a server takes nothing now; whether its approval holds is asked for each message. */
function unready(instance: string, { settings, mcp }: ChannelDeps): NotReady | undefined {
  const server = mcp.server(instance);
  if (server === undefined) return notReady(`there is no MCP server "${instance}"`);
  if (server.state !== "ready") return notReady(`server "${instance}" is ${server.state}`);
  if (!server.isChannel) {
    return notReady(`server "${instance}" does not declare the capability nexo/channel`);
  }
  const missing = [...settings().agents.values()]
    .flatMap((agent) => approvalOf(agent, instance) ?? [])
    .find(({ outbound_tool_name: name }) => !server.tools.has(name));
  return missing === undefined
    ? undefined
    : notReady(`server "${instance}" has no tool "${missing.outbound_tool_name}"`);
}

async function send(
  { id, account_id: account, agent_id: agentId, instance, contact, body }: Outbound,
  { settings, mcp }: ChannelDeps,
  signal: AbortSignal,
): Promise<SendResult> {
  const agent = settings().agents.get(agentId);
  const approval = agent && approvalOf(agent, instance);
  if (approval === undefined) {
    return { kind: "permanent", reason: `server "${instance}" is approved no more` };
  }
  const tool = approval.outbound_tool_name;
  const fields = mcp.server(instance)?.tools.get(tool);
  if (fields === undefined) return notReady(`server "${instance}" has no tool "${tool}" now`);
  try {
    const refusal = await mcp.call({
      server: instance,
      tool,
      arguments: argumentsOf(body, contact, fields),
      account,
      agentId,
      callId: id,
      signal,
    });
    if (refusal === undefined) return { kind: "sent", receipt: null };
    const reason = `the server refused: ${refusal.reason}`;
    return { kind: refusal.passes ? "retry" : "permanent", reason };
  } catch (error) {
    signal.throwIfAborted();
    return failureOf(error);
  }
}

/** What the tool is given: the words, and of the place and the message's own fields those it knows. */
function argumentsOf(
  body: OutboundBody,
  contact: string,
  fields: ReadonlySet<string>,
): Record<string, string> {
  const known = { ...placesIn(contact), ...body.to?.extra };
  const passed = Object.entries(known).filter(([name]) => fields.has(name));
  const text = TEXT_FIELDS.find((name) => fields.has(name)) ?? "text";
  const quote = body.kind === "reply" ? REPLY_FIELDS.find((name) => fields.has(name)) : undefined;
  return {
    ...Object.fromEntries(passed),
    ...(quote === undefined ? {} : { [quote]: body.reply_to_msg_id ?? "" }),
    [text]: "text" in body ? body.text : "",
  };
}

function failureOf(error: unknown): SendResult {
  const reason = messageOf(error);
  const isAway = error instanceof CodedError &&
    ["microapp_not_ready", "microapp_breaker_open", "not_found"].includes(codeOf(error) ?? "");
  return isAway ? notReady(reason) : { kind: "retry", reason };
}

function notReady(reason: string): NotReady {
  return { kind: "not_ready", reason };
}

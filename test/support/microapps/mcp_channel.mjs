/**
 * An MCP server that is a channel, by the official SDK: what its platform says it passes on, and what it
 * is given to send it hands over. The platform is the test, at the address in `PLATFORM`.
 *
 * @module
 */
import process from "node:process";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import {
  CallToolRequestSchema,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
} from "@modelcontextprotocol/sdk/types.js";

const platform = process.env.PLATFORM;
const isChannel = process.env.SILENT_CAPABILITY !== "1";
const server = new Server({ name: "channel", version: "1.0.0" }, {
  capabilities: {
    tools: {},
    ...(isChannel ? { experimental: { "nexo/channel": {} } } : {}),
  },
});
const text = { type: "string" };
server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: [{
    name: "send_message",
    inputSchema: {
      type: "object",
      properties: { text, chat_id: text, thread_ts: text, reply_to: text },
      required: ["text"],
    },
  }],
}));
server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
  const response = await fetch(`${platform}/send`, {
    method: "POST",
    body: JSON.stringify(params.arguments),
  });
  const how = await response.text();
  if (how === "busy") throw new McpError(ErrorCode.InternalError, "try later");
  if (how === "silent") await new Promise(() => {});
  return { content: [{ type: "text", text: how }], isError: how === "permanent" };
});
async function passOn() {
  for (;;) {
    const params = await (await fetch(`${platform}/next`)).json();
    await server.notification({ method: "notifications/nexo/channel", params });
  }
}
server.oninitialized = () => void passOn();
await server.connect(new StdioServerTransport());

/**
 * A stdio server of the MCP SDK that gives back what it is told.
 *
 * @module
 */
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { z } from "zod";

const server = new McpServer({ name: "echo", version: "1.0.0" });
server.registerTool(
  "echo",
  { description: "Gives the text back", inputSchema: { text: z.string() } },
  ({ text }) => Promise.resolve({ content: [{ type: "text", text }] }),
);
await server.connect(new StdioServerTransport());
